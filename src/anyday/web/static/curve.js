// <anyday-curve>: pick a window on the curve by mouse, touch, pen or keyboard, and see the bet before it is made.
// The picture itself comes from the server and stays in the light DOM; handles and ghost live in a shadow tree, so that
// a fresh picture can be morphed in underneath them. The form works without any of this.

const MINUTE = 6e4, HOUR = 36e5, DAY = 864e5;
const UNITS = [["minute", MINUTE], ["hour", HOUR], ["day", DAY], ["week", 7 * DAY], ["month", 2629746e3], ["year", 12 * 2629746e3]];
const MONTHS = "January February March April May June July August September October November December".split(" ");

/** A chance in words, as the server writes it. */
const chance = (ppm) => (ppm > 0 && ppm < 1e3 ? "<0.1 %" : ppm > 999e3 && ppm < 1e6 ? ">99.9 %" : `${(ppm > 0 && ppm / 1e4 < 9.95) || (ppm > 99e4 && ppm < 1e6) ? (ppm / 1e4).toFixed(1) : Math.round(ppm / 1e4)} %`);

/** A zone's calendar in milliseconds of UTC; hours and minutes are those of UTC, as the market counts them. */
class Calendar {
  constructor(zone) {
    this.format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, hourCycle: "h23", era: "short", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
    });
  }
  wall(t) {
    const p = Object.fromEntries(this.format.formatToParts(t).map((x) => [x.type, x.value]));
    return Date.UTC(+p.year, p.month - 1, +p.day, +p.hour, +p.minute, +p.second);
  }
  instant(wall) {
    const guess = wall - (this.wall(wall) - wall);
    return wall - (this.wall(guess) - guess);
  }
  floor(t, unit) {
    if (unit === "minute" || unit === "hour") return Math.floor(t / (unit === "hour" ? HOUR : MINUTE)) * (unit === "hour" ? HOUR : MINUTE);
    const d = new Date(this.wall(Math.floor(t / 1000) * 1000));
    const [y, m, day] = [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()];
    if (unit === "year") return this.instant(Date.UTC(y, 0, 1));
    if (unit === "month") return this.instant(Date.UTC(y, m, 1));
    return this.instant(Date.UTC(y, m, unit === "week" ? day - ((d.getUTCDay() + 6) % 7) : day));
  }
  step(t, unit, n) {
    if (unit === "minute" || unit === "hour") return t + n * (unit === "hour" ? HOUR : MINUTE);
    const d = new Date(this.wall(t));
    if (unit === "year") d.setUTCFullYear(d.getUTCFullYear() + n);
    else if (unit === "month") d.setUTCMonth(d.getUTCMonth() + n);
    else d.setUTCDate(d.getUTCDate() + n * (unit === "week" ? 7 : 1));
    return this.instant(+d);
  }
  /** The window [a, b) as a person would type it, and as the server reads it. */
  say(a, b, grain) {
    const s = new Date(this.wall(a)), e = new Date(this.wall(b));
    if (grain === "minute" || grain === "hour") {
      // An hour that the clocks show twice is told apart only in UTC.
      if (this.instant(+s) !== a || this.instant(+e) !== b) return `${new Date(a).toISOString().slice(0, 16)}Z..${new Date(b).toISOString().slice(0, 16)}Z`;
      const day = (d) => `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`, time = (d) => d.toISOString().slice(11, 16);
      return day(s) === day(e) ? `${day(s)}, ${time(s)}–${time(e)}` : `${day(s)}, ${time(s)} – ${day(e)}, ${time(e)}`;
    }
    const last = new Date(+e - HOUR);
    const [y, m, d] = [s.getUTCFullYear(), s.getUTCMonth(), s.getUTCDate()], [Y, M, D] = [last.getUTCFullYear(), last.getUTCMonth(), last.getUTCDate()];
    if (y !== Y) return `${d} ${MONTHS[m]} ${y} – ${D} ${MONTHS[M]} ${Y}`;
    if (m !== M) return `${d} ${MONTHS[m]} – ${D} ${MONTHS[M]} ${Y}`;
    if (d === 1 && e.getUTCDate() === 1) return `${MONTHS[M]} ${Y}`;
    return d === D ? `${D} ${MONTHS[M]} ${Y}` : `${d}–${D} ${MONTHS[M]} ${Y}`;
  }
}

const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
:host { position: relative; }
.pad { position: absolute; inset: 0 3.75rem 1px 0; overflow: hidden; pointer-events: none; }
svg { position: absolute; inset: 0; width: 100%; height: 100%; }
path { fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 4; vector-effect: non-scaling-stroke; }
.never { position: absolute; right: 0; width: 3.25rem; height: 0; border-top: 2px dashed var(--ink); pointer-events: none; }
.over { position: absolute; inset: 0 3.75rem 1px 0; pointer-events: none; }
.win { position: absolute; inset-block: 0; background: var(--wash); border-inline: 2px solid var(--accent); }
.rail { position: absolute; inset: -1.65rem 0 auto; height: 1.65rem; overflow: hidden; }
.chip { position: absolute; top: 0; transform: translateX(-50%); padding: .1rem .55rem; border-radius: 99px; background: var(--accent); color: var(--on); font-size: .8125rem; font-weight: 600; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; max-width: 100%; }
.edge { position: absolute; inset-block: 0; width: 44px; margin-left: -22px; cursor: ew-resize; touch-action: pan-y; pointer-events: auto; outline: 0; }
.edge::after { content: ""; position: absolute; left: 14px; top: calc(var(--at, 50%) - 15px); width: 12px; height: 30px; border: 2px solid var(--accent); border-radius: 8px; background: var(--raised); }
.edge:focus-visible::after { outline: 3px solid var(--accent); outline-offset: 2px; }
.bare .win, .bare .chip { display: none; }
.bare .edge { pointer-events: none; opacity: 0; }
.bare .edge:focus-visible { opacity: 1; }
[hidden] { display: none; }`);

/** What the shadow tree holds, with a handle for each name. The pages' policy lets markup be made by few: this is one. */
const inside = (names) => `<slot></slot><div class="pad"><svg viewBox="0 0 4000 1000" preserveAspectRatio="none" aria-hidden="true"><path/></svg></div><div class="never" hidden></div>
  <div class="over bare"><div class="win"></div>${names.split("|").map((name) => `<div class="edge" role="slider" tabindex="0" aria-label="${name}"></div>`).join("")}<div class="rail"><div class="chip"></div></div></div>`;
const trusted = window.trustedTypes?.createPolicy("anyday-axis", { createHTML: inside });

class AnydayCurve extends HTMLElement {
  static inside = (names) => (trusted ? trusted.createHTML(names) : inside(names));
  static observedAttributes = ["data-start", "data-end", "data-passed", "data-grain", "data-zone"];

  connectedCallback() {
    this.read();
    if (this.shadowRoot || !("bettable" in this.dataset)) return;
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [STYLE];
    root.innerHTML = AnydayCurve.inside("The window starts|The window ends");
    this.over = root.querySelector(".over");
    this.win = root.querySelector(".win");
    this.chip = root.querySelector(".chip");
    this.edges = [...root.querySelectorAll(".edge")];
    this.ghostPath = root.querySelector("path");
    this.ghostNever = root.querySelector(".never");
    this.edges.forEach((edge, i) => {
      edge.addEventListener("keydown", (e) => this.key(e, i));
      edge.addEventListener("pointerdown", (e) => this.grab(e, i));
    });
    this.addEventListener("pointerdown", (e) => this.begin(e));
    new ResizeObserver(() => this.label(this.chip.textContent)).observe(this.over);
    this.reset();
  }

  attributeChangedCallback() {
    if (!this.isConnected) return;
    this.read();
    if (this.over) this.draw();
  }

  read() {
    const d = this.dataset;
    [this.from, this.to, this.passed] = [d.start / 1000, d.end / 1000, Math.max(d.passed, d.start) / 1000];
    this.grain = d.grain;
    if (this.zone !== d.zone) this.calendar = new Calendar((this.zone = d.zone));
  }

  /** No window: the edges wait, unseen until the keyboard reaches them, around the middle of what is left. */
  reset() {
    if (!this.over) return;
    const size = (this.to - this.passed) / 10, middle = (this.passed + this.to) / 2;
    [this.a, this.b] = [this.floor(middle - size), this.ceil(middle + size)];
    this.over.classList.add("bare");
    this.draw();
  }

  floor(t, unit = this.grain) { return Math.max(this.passed, Math.min(this.calendar.floor(t, unit), this.to)); }
  ceil(t, unit = this.grain) {
    const low = this.calendar.floor(t, unit);
    return Math.min(this.to, Math.max(this.passed, low < t ? this.calendar.step(low, unit, 1) : low));
  }

  /** The unit a finger or a mouse can hit at this width: the grain itself if it is wide enough. */
  unit(pointer) {
    const least = pointer === "touch" ? 9 : 3, width = this.over.clientWidth || 1;
    const from = UNITS.findIndex(([name]) => name === this.grain);
    const hit = UNITS.slice(from).find(([, length]) => (length / (this.to - this.from)) * width >= least);
    return (hit || UNITS[UNITS.length - 1])[0];
  }

  at(e) {
    const box = this.over.getBoundingClientRect();
    return this.from + ((e.clientX - box.left) / box.width) * (this.to - this.from);
  }

  begin(e) {
    if (e.button || e.composedPath()[0].role === "slider") return;
    const box = this.over.getBoundingClientRect();
    if (e.clientX > box.right) {
      if (e.clientX > box.right + 8) this.emit("never", true);
      return;
    }
    const unit = this.unit(e.pointerType), start = this.at(e);
    if (start < this.passed) return;
    const before = [this.a, this.b, this.over.classList.contains("bare")];
    this.follow(e, (move) => {
      const t = this.at(move), low = Math.min(t, start), high = Math.max(t, start);
      this.set(this.floor(low, unit), this.ceil(high + 1, unit));
    }, () => { [this.a, this.b] = before; this.over.classList.toggle("bare", before[2]); this.draw(); });
  }

  grab(e, i) {
    if (e.button) return;
    e.preventDefault();
    this.edges[i].focus({ preventScroll: true });
    const unit = this.unit(e.pointerType);
    // Held where it was gripped: a tap moves nothing.
    const off = (i ? this.b : this.a) - this.at(e), begun = e.clientX;
    this.follow(e, (move) => {
      const t = this.at(move) + off;
      if (Math.abs(move.clientX - begun) > 2) this.move(i, i ? this.ceil(t, unit) : this.floor(t, unit));
    });
  }

  /** Follow one pointer until it lets go; a scroll that takes it away undoes what it did. */
  follow(e, moved, undone = () => {}) {
    const target = e.target, id = e.pointerId, stop = new AbortController(), on = { signal: stop.signal };
    target.setPointerCapture?.(id);
    const mine = (f) => (x) => x.pointerId === id && f(x);
    const scrolls = e.pointerType === "touch" && e.target === e.currentTarget;
    if (!scrolls) moved(e);
    this.addEventListener("pointermove", mine(moved), on);
    this.addEventListener("pointerup", mine((x) => { moved(x); stop.abort(); }), on);
    this.addEventListener("pointercancel", mine(() => { undone(); stop.abort(); }), on);
  }

  key(e, i) {
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[e.key];
    if (e.key === "Enter") this.dispatchEvent(new CustomEvent("slip", { bubbles: true }));
    else if (e.key === "Home") this.move(i, i ? this.step(this.a, 1) : this.passed);
    else if (e.key === "End") this.move(i, i ? this.to : this.step(this.b, -1));
    else if (steps) this.move(i, this.step(i ? this.b : this.a, steps * (e.shiftKey ? 10 : 1)));
    else return;
    e.preventDefault();
  }

  step(t, n) {
    const low = this.calendar.floor(t, this.grain);
    return this.calendar.step(low < t && n < 0 ? this.calendar.step(low, this.grain, 1) : low, this.grain, n);
  }

  /** Move one edge; the other stays at least a grain away. */
  move(i, t) {
    if (i) this.set(this.a, Math.min(this.to, Math.max(t, this.step(this.a, 1))));
    else this.set(Math.max(this.passed, Math.min(t, this.step(this.b, -1))), this.b);
  }

  set(a, b) {
    if (a >= b || (a === this.a && b === this.b && !this.over.classList.contains("bare"))) return;
    [this.a, this.b] = [a, b];
    this.over.classList.remove("bare");
    this.draw();
    this.emit(this.words());
  }

  words() { return this.calendar.say(this.a, this.b, this.grain); }
  emit(text, tap = false) { this.dispatchEvent(new CustomEvent("window", { bubbles: true, detail: { text, tap } })); }

  draw() {
    const percent = (t) => Math.min(100, Math.max(0, ((t - this.from) / (this.to - this.from)) * 100));
    const [l, r] = [percent(this.a), percent(this.b)];
    this.win.style.left = `${l}%`;
    this.win.style.width = `${r - l}%`;
    this.edges.forEach((edge, i) => {
      edge.style.left = `${i ? r : l}%`;
      edge.setAttribute("aria-valuemin", this.passed / 1000);
      edge.setAttribute("aria-valuemax", this.to / 1000);
      edge.setAttribute("aria-valuenow", (i ? this.b : this.a) / 1000);
      edge.setAttribute("aria-valuetext", this.words());
    });
    this.label(this.words());
  }

  label(text) {
    this.chip.textContent = text;
    const half = this.chip.offsetWidth / 2, width = this.over.clientWidth, [l, r] = [this.win.offsetLeft, this.win.offsetLeft + this.win.offsetWidth];
    this.chip.style.left = `${Math.max(half, Math.min(width - half, (l + r) / 2))}px`;
  }

  /** What a quote says: the window it understood, and the curve after the bet. ``null`` clears both. */
  show(quote) {
    if (!this.over) return;
    if (!quote) { this.ghost([], null); return; }
    if (quote.start && quote.end && !quote.never_pays) {
      [this.a, this.b] = [Date.parse(quote.start), Date.parse(quote.end)];
      this.over.classList.remove("bare");
      this.draw();
      this.label(`${quote.window} · ${chance(quote.chance_before)}`);
    } else this.over.classList.add("bare");
    this.ghost(quote.ghost || [], quote.ghost_never);
  }

  /** The window that is drawn goes when another one is typed that has no price. */
  forget(text) { if (this.over && text !== this.words()) this.over.classList.add("bare"); }

  ghost(bars, never) {
    const x = (t) => Math.round(((t / 1000 - this.from) / (this.to - this.from)) * 4000);
    const scale = (+this.dataset.headroom * 1000) / (+this.dataset.peak || 1);
    const length = 1000 * UNITS.find(([name]) => name === this.grain)[1];
    const y = (bar) => Math.round(1000 - Math.min(994, (bar.chance / length / Math.max(1, Math.round((bar.end - bar.start) / length))) * scale));
    this.ghostPath.setAttribute("d", bars.map((bar, i) => `${i ? "L" : "M"}${x(bar.start)} ${y(bar)}H${x(bar.end)}`).join(""));
    this.ghostNever.hidden = never === null || !bars.length;
    if (never !== null) this.ghostNever.style.top = `${100 - never / 1e4}%`;
  }
}

/** The slip: asks for a quote as its fields change, never more than one at a time, the latest always. */
class Slip {
  constructor() {
    this.waiting = 0;
    document.addEventListener("input", (e) => e.target.form?.id === "slip" && this.typed(e.target));
    document.addEventListener("window", (e) => this.picked(e.detail));
    document.addEventListener("slip", () => (this.form ?? document.getElementById("seal"))?.elements.points.focus());
    document.addEventListener("morphed", () => this.ask(0));
    if (this.form && this.field("window").value) this.ask(0);
  }
  get form() { return document.getElementById("slip"); }
  get curve() { return document.querySelector("anyday-curve"); }
  field(name) { return this.form.elements[name]; }

  picked({ text, tap }) {
    if (!this.form) {
      const sealed = document.getElementById("seal"); // before a market's bell a window is picked for a sealed bet
      if (sealed) sealed.elements.window.value = text;
      return;
    }
    this.field("window").value = text;
    if (tap) this.curve.show(null);
    if (!["points", "shares", "target"].some((name) => this.field(name).value)) this.field("points").value = "50";
    this.ask(40);
  }

  typed(input) {
    document.getElementById("slip-refusal").replaceChildren();
    if (["points", "shares", "target"].includes(input.name) && input.value)
      for (const name of ["points", "shares", "target"]) if (name !== input.name) this.field(name).value = "";
    this.ask(250);
  }

  body() {
    const body = { window: this.field("window").value.trim() };
    for (const name of ["points", "shares", "target"]) if (this.field(name).value.trim()) body[name] = this.field(name).value.trim();
    return body;
  }

  ask(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.quote(), wait);
  }

  async quote() {
    if (!this.form) return;
    const body = this.body();
    this.abort?.abort();
    if (!body.window || Object.keys(body).length < 2) return this.clear("The price shows here as soon as you pick a window and points.");
    const abort = (this.abort = new AbortController());
    try {
      const reply = await fetch(`${this.form.dataset.quote}?${new URLSearchParams(body)}`, { headers: { Accept: "application/json" }, signal: abort.signal });
      const said = await reply.json();
      // An answer to what was asked a moment ago would pull the window back under the fingers; the next one is on its way.
      if (abort.signal.aborted || JSON.stringify(this.body()) !== JSON.stringify(body)) return;
      if (said.title === undefined) this.show(said, body);
      else this.clear(`${said.title} ${said.next_step}`);
    } catch (error) {
      if (error.name !== "AbortError") this.clear("No answer from the server. The numbers come back when it does.");
    }
  }

  show(quote, body) {
    const points = (text) => (Math.abs(+text) > 0 && Math.abs(+text) < 0.01 ? "<0.01" : (+text).toLocaleString("en-GB", { minimumFractionDigits: Number.isInteger(+text) ? 0 : 2, maximumFractionDigits: 2 }));
    this.tell({
      charge: +quote.pays < 0 ? `nothing, ${points(-quote.pays)} comes back` : points(quote.pays), pays: points(quote.shares), chance: `${chance(quote.chance_before)} → ${chance(quote.chance_after)}`, said: quote.said,
    });
    this.field("max_cost").value = body.points ? "" : Math.max(0.000001, +quote.charge * 1.02).toFixed(6);
    this.field("min_shares").value = body.points ? Math.max(0.000001, +quote.shares * 0.98).toFixed(6) : "";
    document.getElementById("slip-go").textContent = `Bet ${points(body.points || quote.charge)} on ${quote.window}`;
    this.curve?.show(quote);
  }

  /** After a bet: a second one starts with a window of its own. */
  done() {
    for (const name of ["window", "shares", "target"]) this.field(name).value = "";
    this.curve?.reset?.();
    this.ask(0);
  }

  clear(said = "") {
    this.tell({ charge: "—", pays: "—", chance: "—", said });
    for (const name of ["max_cost", "min_shares"]) this.field(name).value = "";
    document.getElementById("slip-go").textContent = "Bet";
    this.curve?.show(null);
    this.curve?.forget?.(this.field("window").value.trim());
  }

  tell(parts) {
    for (const [name, text] of Object.entries(parts)) document.querySelector(`#slip-answer [data-of=${name}]`).textContent = text;
    clearTimeout(this.later);
    const all = parts.charge === "—" ? parts.said : `Pay ${parts.charge}, get ${parts.pays} if right. Chance ${parts.chance}.`;
    this.later = setTimeout(() => { document.querySelector("#slip-answer [data-of=aloud]").textContent = all; }, 700);
  }
}

AnydayCurve.style = STYLE;
customElements.define("anyday-curve", AnydayCurve);
window.AnydayCurve = AnydayCurve; // what entries.js makes its own handles of
window.anydaySlip = new Slip();
