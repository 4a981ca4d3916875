// Verifies the webhook whose body is on standard input and whose headers are in the environment.

import { readFileSync } from "node:fs";
import { verify } from "./verify.js";

const headers: Record<string, string> = {};
for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"]) {
  const value = process.env[name.toUpperCase().replace("-", "_")];
  if (value !== undefined) headers[name] = value;
}
try {
  verify(readFileSync(0), headers, process.env.WEBHOOK_SECRET ?? "");
  console.log("verified");
} catch (error) {
  console.log(`refused: ${error}`);
  process.exitCode = 1;
}
