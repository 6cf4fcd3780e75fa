// The page with the QR code goes on by itself once the phone has scanned it.
// [data-pairing] names the address that knows; without this, Continue does the same.

const address = document.querySelector("[data-pairing]").dataset.pairing;
const EVERY = 2000; // milliseconds

// What a page asks by itself keeps nobody signed in: the header says that it is so.
async function state() {
  const response = await fetch(address, { headers: { "HX-Request": "true" } });
  if (response.headers.get("HX-Refresh")) return "ended";
  return response.ok ? (await response.json()).state : "waiting";
}

async function wait() {
  if ((await state().catch(() => "waiting")) !== "waiting") return location.reload();
  setTimeout(wait, EVERY);
}

setTimeout(wait, EVERY);
