// The key of this phone: made here, kept in IndexedDB, and never given out.
// A phone is { key, device, number }: its private key, its name at the portal, and the
// number by which a person recognizes it while pairing.

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const STORE = "phones";

/** Why this browser cannot keep a key: "insecure", "unsupported", or nothing. */
export function whyNot() {
  if (!isSecureContext) return "insecure";
  return globalThis.crypto?.subtle && globalThis.indexedDB ? "" : "unsupported";
}

export const load = () => act("readonly", (store) => store.get("this"));
export const forget = () => act("readwrite", (store) => store.clear());

/** Make a key and keep it apart from one that is in use; return it and its public half. */
export async function make() {
  const made = await crypto.subtle.generateKey(ALGORITHM, false, ["sign"]);
  await act("readwrite", (store) => store.put({ key: made.privateKey }, "new"));
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", made.publicKey);
  return { key: made.privateKey, jwk: { kty, crv, x, y } };
}

/** Keep the phone in place of any other one. */
export async function keep(phone) {
  await act("readwrite", (store) => store.put(phone, "this"));
  await act("readwrite", (store) => store.delete("new"));
  await navigator.storage?.persist?.();
}

export const sign = (key, bytes) =>
  crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, bytes);

/** The digits that the portal computes from the same key; see messages.py. */
export async function comparisonNumber({ crv, kty, x, y }, device) {
  const thumbprint = base64url(await digest(JSON.stringify({ crv, kty, x, y })));
  const told = new DataView(await digest(`${thumbprint}.${device}`));
  return String(told.getUint32(0) % 1_000_000).padStart(6, "0");
}

export function base64url(buffer) {
  const characters = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(characters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const digest = (text) =>
  crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("epcs-portal", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function act(mode, change) {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = change(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}
