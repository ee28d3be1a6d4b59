// Compiles Token.sol into contracts.json: `npm run compile`.
import { readFileSync, writeFileSync } from "node:fs";
import solc from "solc";

const source = new URL("Token.sol", import.meta.url);

/** What contracts.json has to hold: the code that makes each contract. */
export function compile() {
  const input = {
    language: "Solidity",
    sources: { "Token.sol": { content: readFileSync(source, "utf8") } },
    settings: {
      evmVersion: "paris",
      metadata: { bytecodeHash: "none", appendCBOR: false },
      optimizer: { enabled: true },
      outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  if (output.errors) throw new Error(output.errors.map((error) => error.formattedMessage).join("\n"));
  const contracts = Object.entries(output.contracts["Token.sol"]);
  const code = contracts.map(([name, contract]) => [name, `0x${contract.evm.bytecode.object}`]);
  return `${JSON.stringify(Object.fromEntries(code), null, 2)}\n`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  writeFileSync(new URL("contracts.json", import.meta.url), compile());
}
