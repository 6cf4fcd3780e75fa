// Refresh the device list when the page is seen again after a visit to ID.me.
// <form data-refresh-on-return> is the refresh button; leaving by any link to another
// origin is remembered for this tab.

const form = document.querySelector("form[data-refresh-on-return]");
const KEY = "left-for-idme";

for (const link of document.querySelectorAll("a[href^='http']")) {
  if (new URL(link.href).origin !== location.origin) {
    link.addEventListener("click", () => sessionStorage.setItem(KEY, "yes"));
  }
}

function refreshIfBack() {
  if (form && document.visibilityState === "visible" && sessionStorage.getItem(KEY)) {
    sessionStorage.removeItem(KEY);
    form.requestSubmit();
  }
}

addEventListener("pageshow", refreshIfBack);
document.addEventListener("visibilitychange", refreshIfBack);
