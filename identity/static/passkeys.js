// Passkeys: what the browser's own dialogue answers goes into a form of ours and is sent as any other.
"use strict";

const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const base64url = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const listed = (credentials) => (credentials ?? []).map((item) => ({ ...item, id: octets(item.id) }));

/** A credential as JSON, its octets in base64url (WebAuthn Level 3, 5.1.8). */
function asJson(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = base64url(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return JSON.stringify({
    id: credential.id,
    rawId: base64url(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  });
}

/** Make a passkey, or use one, and give it to `take`; what fails is said in words. */
async function withPasskey(form, ceremony, take) {
  const fault = form.querySelector("[data-passkey-fault]");
  fault.textContent = "";
  try {
    take(asJson(await ceremony()));
  } catch (error) {
    fault.textContent =
      error.name === "InvalidStateError" ? "This device or key has a passkey for your account already."
      : error.name === "NotAllowedError" ? "No passkey was used: the dialogue was closed, took too long, or found none for this address. " +
        "If the address of this page has changed, earlier passkeys do not work here: use another way, and make a new one."
      : "Passkeys do not work here. Use another way.";
  }
}

function askFor(form) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    const field = form.elements.namedItem("passkey");
    if (field.value) return;
    event.preventDefault();
    const ceremony = async () => {
      const answer = await fetch(form.dataset.passkeyAsk, { method: "POST", body: new FormData(form), credentials: "same-origin" });
      if (!answer.ok) return location.reload();
      const { options } = await answer.json();
      const publicKey = { ...options, challenge: octets(options.challenge), allowCredentials: listed(options.allowCredentials) };
      return navigator.credentials.get({ publicKey });
    };
    withPasskey(form, ceremony, (answer) => { field.value = answer; form.submit(); });
  });
}

function makeFor(form) {
  const part = form.querySelector("[data-passkey-only]") ?? form;
  part.hidden = false;
  form.querySelector("[data-passkey-button]").addEventListener("click", () => {
    const password = form.elements.namedItem("password");
    if (password && !password.reportValidity()) return;
    const options = JSON.parse(form.dataset.passkeyMake);
    const publicKey = {
      ...options,
      challenge: octets(options.challenge),
      user: { ...options.user, id: octets(options.user.id) },
      excludeCredentials: listed(options.excludeCredentials),
    };
    withPasskey(form, () => navigator.credentials.create({ publicKey }), (answer) => {
      form.elements.namedItem("passkey").value = answer;
      form.submit();
    });
  });
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey-ask]")) askFor(form);
  for (const form of document.querySelectorAll("form[data-passkey-make]")) makeFor(form);
}
