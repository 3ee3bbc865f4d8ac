// WeCom's own package on the other side of our tests. Reads one JSON order a line, writes one JSON answer a line, in order:
//   {op: "encrypt", key, message, id, token, timestamp, nonce, random?}  ->  {encrypt, signature}
//   {op: "decrypt", key, encrypt, token, timestamp, nonce}               ->  {message, id, signature}
// random is hex. The package checks neither signature nor receiver nor padding: it makes messages and opens replies, and the
// test compares.
import { createInterface } from 'node:readline';
import { decrypt, encrypt, getSignature } from '@wecom/crypto';

const ops = {
  encrypt({ key, message, id, token, timestamp, nonce, random }) {
    const sealed = random === undefined
      ? encrypt(key, message, id)
      : encrypt(key, message, id, Buffer.from(random, 'hex'));
    return { encrypt: sealed, signature: getSignature(token, timestamp, nonce, sealed) };
  },
  decrypt({ key, encrypt: sealed, token, timestamp, nonce }) {
    const { message, id } = decrypt(key, sealed);
    return { message, id, signature: getSignature(token, timestamp, nonce, sealed) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(ops[order.op](order))}\n`);
}
