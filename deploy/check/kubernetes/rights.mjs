// What the broker's users may not do is refused. Talks to nats-server in its own protocol: node rights.mjs PORT PASSWORDS…
import { connect } from "node:net";

const passwords = Object.fromEntries(process.argv.slice(3).map((pair) => pair.split("=")));
const port = Number(process.argv[2]);

/** Each with the user who tries it. PUB: subject; SUB: subject. */
const forbidden = {
  provisioner: ["PUB orders.created", "PUB $JS.API.STREAM.DELETE.ORDERS", "PUB $JS.API.STREAM.PURGE.ORDERS", "PUB $JS.API.CONSUMER.DELETE.ORDERS.payment-orders",
    "PUB $JS.ACK.ORDERS.payment-orders.1.1.1.1.0", "SUB orders.>", "SUB _INBOX.>"],
  "order-service": ["PUB $JS.API.STREAM.CREATE.ORDERS", "PUB $JS.API.STREAM.UPDATE.ORDERS", "PUB $JS.API.STREAM.DELETE.ORDERS",
    "PUB $JS.API.STREAM.PURGE.ORDERS", "PUB $JS.API.CONSUMER.CREATE.ORDERS.spy", "PUB $JS.API.CONSUMER.DURABLE.CREATE.ORDERS.spy",
    "PUB $JS.API.CONSUMER.MSG.NEXT.ORDERS.payment-orders", "PUB $JS.ACK.ORDERS.payment-orders.1.1.1.1.0", "PUB dlq.payment-service.payment-orders.9f1c5d3e-0000-8000-8000-000000000000",
    "SUB _INBOX_payment-service.>", "SUB payments.>", "SUB $SYS.>"],
  "payment-service": ["PUB orders.paid", "PUB orders.declined", "PUB $JS.API.STREAM.DELETE.PAYMENTS", "PUB $JS.API.CONSUMER.CREATE.ORDERS.spy",
    "PUB $JS.API.CONSUMER.MSG.NEXT.PAYMENTS.order-payments", "PUB $JS.ACK.PAYMENTS.order-payments.1.1.1.1.0", "PUB dlq.order-service.order-payments.9f1c5d3e-0000-8000-8000-000000000000",
    "SUB _INBOX_order-service.>", "SUB orders.>", "SUB payments.>"],
};

let tried = 0;
const permitted = [];
for (const [user, attempts] of Object.entries(forbidden)) {
  for (const attempt of attempts) {
    tried++;
    if (!(await isRefused(user, attempt))) permitted.push(`${user}: ${attempt}`);
  }
}
if (!(await isRefused("order-service", "PUB orders.created", "wrong"))) permitted.push("a wrong password");
console.log(permitted.length === 0 ? `ok the broker refuses ${tried} things that its users may not do, and a wrong password`
  : `fail the broker refuses what its users may not do\n${permitted.map((what) => `     ${what} is permitted`).join("\n")}`);

function isRefused(user, attempt, password = passwords[user]) {
  const [operation, subject] = attempt.split(" ");
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answers = "";
    socket.setTimeout(5000, () => socket.destroy(new Error(`no answer to ${attempt}`)));
    socket.on("error", reject);
    socket.on("connect", () => {
      socket.write(`CONNECT ${JSON.stringify({ user, pass: password, verbose: false, lang: "check", version: "1", protocol: 1 })}\r\n`);
      socket.write(operation === "PUB" ? `PUB ${subject} 2\r\n{}\r\n` : `SUB ${subject} 1\r\n`);
      socket.write("PING\r\n");
    });
    socket.on("data", (data) => {
      answers += data;
      if (!/^(PONG|-ERR 'Authorization)/m.test(answers)) return;
      socket.destroy();
      resolve(/^-ERR '(Permissions Violation|Authorization)/m.test(answers));
    });
  });
}
