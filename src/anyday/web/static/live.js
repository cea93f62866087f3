// Live: when the question moves, fetch its inside and morph it in; what somebody is typing, holding or has open stays.
// Forms marked data-morph are sent without leaving the page; the answer is the same page that a plain form would get.

const question = () => document.getElementById("question");
const address = (rest) => `${question().dataset.at}/${rest}`;

/** Forms whose answer is awaited, and forms whose fate is unknown with what they sent: a retry is the same command to the letter. */
const pending = new WeakSet(), unsure = new WeakMap();

const kept = {
  beforeNodeMorphed: (old) => !(old instanceof Element && "keep" in old.dataset),
  beforeAttributeUpdated: (name, node) => {
    if (name === "open" || name === "checked") return false;
    if (name !== "value") return true;
    return node.type === "hidden" && !pending.has(node.form) && !unsure.has(node.form) && !["max_cost", "min_shares"].includes(node.name);
  },
};

/** The pages' policy lets markup be made by this alone, of what this server answered; a browser without trusted types needs no leave. */
const answers = window.trustedTypes?.createPolicy("anyday-live", { createHTML: (reply) => reply }) ?? { createHTML: (reply) => reply };
const read = (html) => new DOMParser().parseFromString(answers.createHTML(html), "text/html");

function morph(html) {
  const next = read(html);
  const inside = next.getElementById("question");
  if (!inside) return false;
  window.Idiomorph.morph(question(), inside, { ignoreActiveValue: true, callbacks: kept });
  const nav = next.querySelector(".top nav");
  if (nav) window.Idiomorph.morph(document.querySelector(".top nav"), nav);
  yours();
  document.dispatchEvent(new Event("morphed"));
  return next;
}

/** Ask again when the next grain passes: the server says in how long, so that this machine's clock need not be right. */
let turn;
function follow() {
  clearTimeout(turn);
  const { wait } = question().dataset;
  if (wait !== undefined) turn = setTimeout(refresh, Math.min(2e9, Math.max(200, +wait + 20)));
}

let busy = false, again = false;
async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const reply = await fetch(address("fragment"), { headers: { Accept: "text/html" } });
    if (reply.ok) morph(await reply.text());
  } catch { /* the stream reconnects by itself, and the next version asks again */ }
  follow();
  busy = false;
  if (again) { again = false; refresh(); }
}

/** A page listens only while somebody can see it: over plain HTTP a browser keeps six connections to a server, open tabs and all. */
let stream;
function listen() {
  stream?.close();
  stream = undefined;
  if (document.hidden) return;
  stream = new EventSource(address("live"));
  stream.addEventListener("version", (e) => {
    const version = Number((e.data.match(/\d+/) || [])[0]);
    if (version !== Number(question().dataset.version)) refresh();
  });
  stream.addEventListener("alarm", (e) => {
    const now = document.getElementById("alarm-now");
    if (now) now.hidden = !e.data.includes("true");
    setTimeout(refresh, Math.random() * 1000); // all open pages hear of it at once: they say so at once, and ask for the rest in turn
  });
}
listen();
setInterval(() => { if (!document.hidden) refresh(); }, 60000);
document.addEventListener("visibilitychange", () => { listen(); if (!document.hidden) refresh(); });

/** Tell: a sentence in the form's own place for answers, the one that it names, or the slip's, read out politely. Where the form is gone, the focus goes there. */
function tell(node, form) {
  const own = form.isConnected ? form.querySelector("[data-answer]") : null, at = (id) => document.getElementById(id);
  const place = own || at(form.dataset.morph) || at("slip-refusal") || at("main");
  if (place.id !== "main") place.replaceChildren(node);
  else place.prepend(node);
  place.scrollIntoView({ block: "nearest" });
  if (!form.isConnected) { place.tabIndex = -1; place.focus(); }
}
/** What somebody typed into a form: its limits and its id are not theirs. */
const typed = (body) => JSON.stringify([...body].filter(([name, value]) => value && !["command_id", "expected_version", "max_cost", "min_shares"].includes(name)));
const sentence = (text, kind) => Object.assign(document.createElement("p"), { className: kind, textContent: text });

document.addEventListener("submit", async (e) => {
  const form = e.target;
  if (!("morph" in form.dataset) || e.submitter?.formMethod === "get" && e.submitter.hasAttribute("formmethod")) return;
  e.preventDefault();
  if (pending.has(form)) return;
  pending.add(form);
  let body = new URLSearchParams(new FormData(form));
  for (const name of ["expected_version", "max_cost", "min_shares", "points", "shares", "target"]) if (body.get(name) === "") body.delete(name);
  const sent = unsure.get(form);
  if (sent && typed(sent) === typed(body)) body = sent;
  else if (sent) body.set("command_id", fresh(form));
  try {
    const reply = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
    const html = await reply.text();
    pending.delete(form);
    unsure.delete(form);
    const page = reply.ok ? morph(html) : read(html);
    const said = page && page.querySelector(reply.ok ? ".said" : "[data-refusal]");
    if (reply.ok) {
      if (form.id === "slip") window.anydaySlip.done();
      if ("clear" in form.dataset) form.reset();
      form.dispatchEvent(new Event("entered", { bubbles: true }));
      tell(sentence(said ? said.textContent : "Done.", "said"), form);
    } else {
      fresh(form);
      const box = Object.assign(document.createElement("div"), { className: "refusal" });
      box.append(...(said ? said.cloneNode(true).children : [sentence("That did not work. Load the page again and look.", "")]));
      box.querySelector("h1")?.replaceWith(sentence(box.querySelector("h1").textContent, ""));
      tell(box, form);
      refresh();
    }
  } catch {
    // The same command id goes along with the next try, so a bet that did arrive is not made twice.
    pending.delete(form);
    unsure.set(form, body);
    tell(sentence("No answer from the server. Press again: it can’t happen twice.", "refusal"), form);
  }
});

/** A refused command did nothing: the next try is a new one. */
function fresh(form) {
  const id = form.elements.command_id;
  if (id) return id.value = crypto.getRandomValues(new Uint8Array(12)).reduce((s, b) => s + b.toString(16).padStart(2, "0"), "");
}

/** Your own clock beside the question's, where they differ. */
function yours() {
  const place = document.querySelector(".zone[data-zone]");
  if (!place) return;
  const now = new Date(); // one look at the clock: between two, a minute can end
  const clock = (timeZone) => new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "short", hour: "2-digit", minute: "2-digit" }).format(now);
  const [there, here] = [clock(place.dataset.zone), clock(undefined)];
  if (there !== here) {
    const own = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    for (const time of document.querySelectorAll(".timeline li time")) {
      if (!time.querySelector("small")) time.append(Object.assign(document.createElement("small"), { textContent: ` (${own.format(new Date(time.dateTime))} yours)` }));
    }
  }
  place.textContent = `Times are in ${place.dataset.zone}${there === here ? "" : `, where it is ${there}; your clock says ${here}`}.`;
}
yours();
follow();
