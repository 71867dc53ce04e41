// A wallet of the official client that pays in one way only, on the development chain.
import { x402Client } from "@x402/core/client";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/client";
import { UptoEvmScheme } from "@x402/evm/upto/client";
import { EVM_NETWORK_CHAIN_ID_MAP } from "@x402/evm/v1";
import { privateKeyToAccount } from "viem/accounts";

const NETWORK = "eip155:31337";

export function wallet(scheme, rpcUrl, secret) {
  const account = privateKeyToAccount(secret);
  const client = new x402Client();
  client.setSpendControls(false);
  if (scheme === "v1") {
    EVM_NETWORK_CHAIN_ID_MAP[NETWORK] = 31337; // version 1 knows chains by name, and this one has none
    client.registerV1(NETWORK, new ExactEvmSchemeV1(account));
  } else if (scheme === "upto") {
    client.register(NETWORK, new UptoEvmScheme(account, { rpcUrl }));
  } else {
    client.register(NETWORK, new ExactEvmScheme(account, { rpcUrl }));
  }
  if (scheme === "exact-permit2") {
    client.registerPolicy((_, offers) =>
      offers.filter((offer) => offer.extra?.assetTransferMethod === "permit2"),
    );
  }
  return client;
}
