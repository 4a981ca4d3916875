// Receives webhooks, and believes those alone that are signed.
//
//     npm ci
//     WEBHOOK_SECRET=whsec_... node receiver.js 4000
//
// The secret is the action's: GET /v1/accounts/{a}/triggers/{t}/actions/{c}/secret shows it.

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const MAX_BODY = 2 * 1024 * 1024;

const webhook = new Webhook(process.env.WEBHOOK_SECRET);

// A webhook that got no answer, or none in time, comes again with the same id. A real receiver keeps
// the ids where it keeps what it does with the webhooks, in one transaction.
const seen = new Set();

const server = createServer(async (request, response) => {
  const answer = (status) => response.writeHead(status).end();
  if (request.method !== "POST") return answer(405);

  // The signature is of these bytes: not of what a JSON library would make of them.
  const chunks = [];
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

  let event;
  try {
    event = webhook.verify(Buffer.concat(chunks), request.headers);
  } catch (error) {
    // WebhookVerificationError, or what malformed headers and bodies throw.
    console.log(`refused: ${error.message}`);
    return answer(400);
  }
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) {
    seen.add(id);
    console.log(`${id} ${event.type}`);
  }
  // Answer soon, and do what takes long afterwards.
  answer(204);
});

server.listen(Number(process.argv[2] ?? 4000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
