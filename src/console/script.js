// The one script of the console: a request or a signed message can be chosen as a file instead of being pasted. Without script the
// field is pasted into.
"use strict";
for (const area of document.querySelectorAll("textarea[data-file]")) {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".pem,.csr,.p10,.der,.cms,.p7m";
  input.setAttribute("aria-label", area.dataset.file);
  input.addEventListener("change", async () => {
    const file = input.files[0];
    const isLarge = file !== undefined && file.size > area.maxLength;
    input.setCustomValidity(isLarge ? area.dataset.large : "");
    if (file === undefined || !input.reportValidity()) return;
    const octets = new Uint8Array(await file.arrayBuffer());
    const text = new TextDecoder().decode(octets);
    const binary = () => octets.reduce((letters, octet) => letters + String.fromCharCode(octet), "");
    area.value = text.includes("-----BEGIN") ? text : btoa(binary());
  });
  area.after(input);
}
for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
