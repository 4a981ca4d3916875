// A receiver that accepts only webhooks signed with its secret.
//
//     npm ci && npm run build
//     WEBHOOK_SECRET=whsec_... node receiver.js 4000
//
// The secret is the action's: GET /v1/accounts/{a}/triggers/{t}/actions/{c}/secret shows it.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { verify } from "./verify.js";

const MAX_BODY = 2 * 1024 * 1024;

const secret = process.env.WEBHOOK_SECRET ?? "";

// A webhook that got no answer, or none in time, comes again with the same id. A real receiver stores
// the ids beside its results, in one transaction.
const seen = new Set<string>();

const server = createServer(async (request, response) => {
  const answer = (status: number) => response.writeHead(status).end();
  if (request.method !== "POST") return answer(405);

  // The signature is of these bytes: not of what a JSON library would make of them.
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      length += chunk.length;
      if (length > MAX_BODY) return answer(413);
      chunks.push(chunk);
    }
  } catch {
    return; // The sender went away.
  }

  const headers = request.headers as Record<string, string>;
  let event: { type: string };
  try {
    event = verify(Buffer.concat(chunks), headers, secret) as { type: string };
  } catch (error) {
    // WebhookVerificationError, or what malformed headers and bodies throw.
    console.log(`refused: ${error}`);
    return answer(400);
  }
  const id = headers["webhook-id"] ?? "";
  if (!seen.has(id)) {
    seen.add(id);
    console.log(`${id} ${event.type}`);
  }
  // Answer soon, and do what takes long afterwards.
  answer(204);
});

server.listen(Number(process.argv[2] ?? 4000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
