// A viem wallet on the development chain: it is funded, pays with ERC-20, signs EIP-3009, and reads all back.
import { readFileSync } from "node:fs";
import { createPublicClient, createWalletClient, defineChain, http, parseEventLogs } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

const [url, address, artifact, funderKey] = process.argv.slice(2);
const { abi } = JSON.parse(readFileSync(artifact, "utf8"));
const chain = defineChain({
  id: 31337,
  name: "dev",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [url] } },
});
const transport = http(url, { batch: true });
const reader = createPublicClient({ chain, transport });
const funder = createWalletClient({ account: privateKeyToAccount(funderKey), chain, transport });
const payer = createWalletClient({ account: privateKeyToAccount(generatePrivateKey()), chain, transport });
const payee = privateKeyToAccount(generatePrivateKey()).address;

const mined = async (hash) => reader.waitForTransactionReceipt({ hash, pollingInterval: 50 });
const write = async (wallet, functionName, args) =>
  mined(await wallet.writeContract({ address, abi, functionName, args }));
const balance = (owner) => reader.readContract({ address, abi, functionName: "balanceOf", args: [owner] });

await mined(await funder.sendTransaction({ to: payer.account.address, value: 10n ** 18n }));
await write(funder, "mint", [payer.account.address, 1000n]);
await write(payer, "transfer", [payee, 100n]);

const message = {
  from: payer.account.address,
  to: payee,
  value: 300n,
  validAfter: 0n,
  validBefore: BigInt(Math.floor(Date.now() / 1000) + 600),
  nonce: generatePrivateKey(),
};
const field = (name, type) => ({ name, type });
const signature = await payer.signTypedData({
  domain: { name: "USDC", version: "2", chainId: 31337, verifyingContract: address },
  types: {
    TransferWithAuthorization: [
      field("from", "address"),
      field("to", "address"),
      field("value", "uint256"),
      field("validAfter", "uint256"),
      field("validBefore", "uint256"),
      field("nonce", "bytes32"),
    ],
  },
  primaryType: "TransferWithAuthorization",
  message,
});
const receipt = await write(funder, "transferWithAuthorization", [...Object.values(message), signature]);
const events = parseEventLogs({ abi, logs: receipt.logs }).map((event) => event.eventName);
const block = await reader.getBlock({ blockNumber: receipt.blockNumber, includeTransactions: true });
const past = await reader.readContract({
  address, abi, functionName: "balanceOf", args: [payee], blockNumber: receipt.blockNumber - 1n,
});
const logs = await reader.getContractEvents({
  address, abi, eventName: "Transfer", args: { to: payee }, fromBlock: 0n,
});
let refusal = "";
try {
  await reader.simulateContract({
    address, abi, account: funder.account, functionName: "transferWithAuthorization",
    args: [...Object.values(message), signature],
  });
} catch (error) {
  refusal = error.cause.reason;
}
console.log(
  JSON.stringify({
    events,
    refusal,
    status: receipt.status,
    sender: block.transactions[0].from,
    funder: funder.account.address,
    transfers: logs.map((log) => Number(log.args.value)),
    balances: [await balance(payer.account.address), await balance(payee), past].map(Number),
  }),
);
