// What the phone sends: JSON with a compact JWS (ES256), and no cookie.

const CLOCK = 5; // seconds; less is not worth correcting
let ahead = 0; // seconds that the portal's clock is ahead of the phone's

/** Return the function that signs and sends, given `sign` and `base64url` of key.js. */
export function sender({ sign, base64url }) {
  const encoded = (value) =>
    base64url(new TextEncoder().encode(JSON.stringify(value)));

  async function post(path, { key, device }, claims, beside) {
    const header = { alg: "ES256", kid: device };
    const iat = Math.round(Date.now() / 1000) + ahead;
    const payload = { ...claims, iat, aud: location.origin + path };
    const signed = `${encoded(header)}.${encoded(payload)}`;
    const signature = await sign(key, new TextEncoder().encode(signed));
    return fetch(path, {
      method: "POST",
      credentials: "omit",
      cache: "no-store",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...beside, jws: `${signed}.${base64url(signature)}` }),
    });
  }

  /** Sign claims for an address and send them; return { status, text, … } of the answer.
   *  A refusal by a portal with another time is sent once more, by its clock. */
  return async function send(path, phone, claims = {}, beside = {}) {
    const response = await post(path, phone, claims, beside);
    const date = response.headers.get("Date");
    if (response.status !== 403 || !date) return read(response);
    const off = Math.round((Date.parse(date) - Date.now()) / 1000);
    if (Math.abs(off - ahead) <= CLOCK) return read(response);
    ahead = off;
    return read(await post(path, phone, claims, beside));
  };
}

async function read(response) {
  const body = await response.json().catch(() => ({ text: "The portal is not in order." }));
  return { ...body, status: response.status };
}
