// Compiles the contracts beside this file into the folder that is named: npm ci && npm run build
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import solc from "solc";

const target = process.argv[2];
const here = fileURLToPath(new URL(".", import.meta.url));
const names = readdirSync(here).filter((name) => name.endsWith(".sol")).sort();
const settings = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: "prague",
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
};
const sources = Object.fromEntries(
  names.map((name) => [name, { content: readFileSync(here + name, "utf8") }]),
);
const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
for (const { formattedMessage } of output.errors ?? []) console.error(formattedMessage);
if (!target || output.errors?.length) process.exit(1);

for (const file of names) {
  const name = file.replace(".sol", "");
  const { abi, evm } = output.contracts[file][name];
  if (!abi.length || !evm.bytecode.object) continue; // a library, or what other contracts share
  const artifact = {
    contract: name,
    compiler: solc.version(),
    abi,
    creation: "0x" + evm.bytecode.object,
    runtime: "0x" + evm.deployedBytecode.object,
  };
  writeFileSync(`${target}/${name}.json`, JSON.stringify(artifact, null, 1) + "\n");
}
