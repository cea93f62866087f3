// Passkeys: what the page's buttons for them do. Without this script, or in a browser without passkeys, the buttons stay hidden.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** Ask the server; what it refuses is thrown as the sentence it says. */
async function ask(path, body) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${told.title} ${told.next_step}`);
  return told;
}

const described = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

async function signIn(form) {
  const options = await ask("/api/v1/sessions/passkey/options", { name: form.elements.name?.value.trim() || "" });
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: described(options.allowCredentials) };
  const { id, response } = await navigator.credentials.get({ publicKey });
  await ask("/api/v1/sessions/passkey", {
    id,
    client_data: text(response.clientDataJSON),
    authenticator_data: text(response.authenticatorData),
    signature: text(response.signature),
    user_handle: response.userHandle && response.userHandle.byteLength ? text(response.userHandle) : null,
  });
  goOn(form.dataset.next);
}

async function register(form) {
  const options = await ask("/api/v1/me/passkeys/options");
  const user = { ...options.user, id: bytes(options.user.id) };
  const excludeCredentials = described(options.excludeCredentials);
  const publicKey = { ...options, user, challenge: bytes(options.challenge), excludeCredentials };
  const { id, response } = await navigator.credentials.create({ publicKey });
  await ask("/api/v1/me/passkeys", {
    name: form.elements.name.value,
    id,
    client_data: text(response.clientDataJSON),
    attestation: text(response.attestationObject),
  });
  goOn(form.dataset.next);
}

/** Open a page of this server anew, though it may be the one that is open. */
function goOn(next) {
  const to = new URL(next, location.href);
  const here = to.pathname + to.search === location.pathname + location.search;
  location.assign(to);
  if (here) location.reload();
}

/** What a browser says when somebody calls it off, or has no such passkey, in words for them. */
function sentence(error) {
  if (error.name === "NotAllowedError" || error.name === "AbortError") return "Nothing was done: it was called off, or there is no passkey for it.";
  if (error.name === "InvalidStateError") return "This device holds a passkey of yours for this server already.";
  return error.message || "That did not work.";
}

const may = Boolean(window.PublicKeyCredential && navigator.credentials);
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!may) {
    form.parentElement.querySelector("[data-no-passkeys]")?.removeAttribute("hidden");
    continue;
  }
  const told = form.querySelector("[role=alert]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    told.textContent = "";
    try {
      await (form.dataset.passkey === "register" ? register(form) : signIn(form));
    } catch (error) {
      told.textContent = sentence(error);
    }
    button.disabled = false;
  });
}
