// <anyday-pick>: pick a slot of a tote, the grain of a guess or the quantiles of a forecast on the axis, by mouse, touch, pen or
// keyboard. What is picked is written into the fields of the form that it names; what is typed there is drawn here as far as it
// can be read. The forms work without any of this.

const LEVELS = [0.1, 0.5, 0.9];
const NAMES = ["1 in 10 by the end of", "Half by the end of", "9 in 10 by the end of"];
const points = (x) => x.toLocaleString("en-GB", { minimumFractionDigits: Number.isInteger(x) ? 0 : 2, maximumFractionDigits: 2 });

class AnydayPick extends window.AnydayCurve {
  static observedAttributes = [...window.AnydayCurve.observedAttributes, "data-form"];

  connectedCallback() {
    this.read();
    this.make();
  }

  attributeChangedCallback() {
    if (!this.isConnected) return;
    this.read();
    this.make();
    if (this.over) this.draw();
  }

  get form() { return document.getElementById(this.dataset.form || ""); }
  get curved() { return this.dataset.mode === "curve"; }

  /** The handles, as long as there is a form to fill. */
  make() {
    if (this.over) {
      this.over.hidden = !this.form;
      if (!this.form) { this.path.setAttribute("d", ""); this.glass.hidden = true; }
      return;
    }
    if (!this.form) return;
    const root = this.attachShadow({ mode: "open" }), handles = this.curved ? NAMES : [{ slot: "The slot on the axis", grain: "The guess on the axis" }[this.dataset.mode]];
    root.adoptedStyleSheets = [window.AnydayCurve.style];
    root.innerHTML = window.AnydayCurve.inside(handles.join("|"));
    [this.over, this.win, this.chip, this.path, this.glass] = [".over", ".win", ".chip", "path", ".never"].map((x) => root.querySelector(x));
    this.edges = [...root.querySelectorAll(".edge")];
    this.picked = this.edges.map(() => null);
    this.known = new Map();
    this.edges.forEach((edge, i) => {
      edge.addEventListener("keydown", (e) => this.key(e, i));
      edge.addEventListener("pointerdown", (e) => this.begin(e, i));
    });
    this.addEventListener("pointerdown", (e) => this.begin(e));
    new ResizeObserver(() => this.draw()).observe(this.over);
    this.typed();
  }

  /** The slots of the tote, as the form lists them. */
  get slots() {
    return [...this.form.querySelectorAll("datalist option")].map((o) => ({ text: o.value, a: o.dataset.start / 1000, b: o.dataset.end / 1000, never: !o.dataset.start, ...o.dataset }));
  }

  fields() {
    const names = { slot: ["slot"], grain: ["guess"], curve: ["by10", "by50", "by90"] }[this.dataset.mode];
    return names.map((name) => this.form.elements[name]);
  }

  /** What the fields hold, as windows: one that cannot be read here is left to the server. */
  typed() {
    if (!this.form) return;
    this.picked = this.fields().map((field) => this.reads(field.value.trim()));
    this.draw();
  }

  reads(text) {
    if (!text) return null;
    if (/^never$/i.test(text)) return this.curved ? null : { never: true, text: "never" };
    if (this.dataset.mode === "slot") return this.slots.find((slot) => slot.text === text) || this.slots.find((slot) => !slot.never && slot.a <= this.dated(text) && this.dated(text) < slot.b && /^[a-z]+ \d{4}$/i.test(text)) || null;
    if (this.known.has(text)) return this.known.get(text);
    const at = this.dated(text);
    return Number.isNaN(at) || at < this.from || at >= this.to ? null : this.grainAt(at);
  }

  /** "14 March 2027" or "March 2027": the start of it; of "8–14 March 2027" the last day. Anything else is no number. */
  dated(text) {
    const day = text.match(/(?:^|[–-] ?)(\d{1,2}) ([a-z]{3,9}) (\d{4})(?:, (\d\d):(\d\d)[–-]\d\d:\d\d)?$/i), month = text.match(/^([a-z]{3,9}) (\d{4})$/i);
    const [d, name, y, h, m] = day ? day.slice(1) : month ? [1, ...month.slice(1)] : [];
    const place = name ? "janfebmaraprmayjunjulaugsepoctnovdec".indexOf(name.slice(0, 3).toLowerCase()) / 3 : -1;
    return Number.isInteger(place) && place >= 0 ? this.calendar.instant(Date.UTC(+y, place, +d, +(h || 0), +(m || 0))) : NaN;
  }

  grainAt(t) {
    const a = this.calendar.floor(t, this.grain), b = this.calendar.step(a, this.grain, 1);
    return { a, b, text: this.calendar.say(a, b, this.grain) };
  }

  /** The window under a moment; right of the horizon, never. */
  under(t) {
    if (this.dataset.mode === "slot") return this.slots.find((slot) => !slot.never && slot.a <= t && t < slot.b) || this.picked[0];
    return this.grainAt(Math.max(this.passed, Math.min(this.to - 1, t)));
  }

  begin(e, i) {
    if (e.button || !this.form || (i === undefined && e.composedPath()[0].role === "slider")) return;
    const box = this.over.getBoundingClientRect();
    if (i === undefined && e.clientX > box.right) {
      if (e.clientX > box.right + 8 && !this.curved) this.pick(0, { never: true, text: "never" });
      return;
    }
    const t = this.at(e), handle = i ?? this.nearest(t);
    if (i !== undefined) { e.preventDefault(); e.stopPropagation(); }
    const before = [[...this.picked], this.fields().map((field) => field.value)];
    const off = i !== undefined ? this.place(i) - t : 0, begun = e.clientX;
    this.edges[handle].focus({ preventScroll: true });
    this.follow(e, (move) => { if (i === undefined || Math.abs(move.clientX - begun) > 2) this.pick(handle, this.under(this.at(move) + off)); }, () => {
      this.picked = before[0];
      this.fields().forEach((field, k) => { field.value = before[1][k]; });
      this.write();
    });
  }

  nearest(t) {
    const far = this.edges.map((_, i) => Math.abs(t - this.place(i)));
    return far.indexOf(Math.min(...far));
  }

  /** Where a handle stands: a quantile at the end of its window, a guess and a slot in the middle. Before anything is picked, spread out. */
  place(i) {
    const picked = this.picked[i];
    if (!picked || picked.never) return this.passed + ((this.to - this.passed) * (i + 1)) / (this.edges.length + 1);
    return this.curved ? picked.b : (Math.max(picked.a, this.from) + picked.b) / 2;
  }

  key(e, i) {
    const n = ({ ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[e.key] || 0) * (e.shiftKey ? 10 : 1);
    if (e.key === "Enter") (this.form.querySelector("[name=points]") || this.form.querySelector("button.go")).focus();
    else if (e.key === "Home" || e.key === "End" || n) this.pick(i, this.stepped(i, n, e.key));
    else return;
    e.preventDefault();
  }

  stepped(i, n, key) {
    const now = this.picked[i], never = { never: true, text: "never" };
    if (this.dataset.mode === "slot") {
      const slots = this.slots, at = now ? slots.findIndex((slot) => slot.text === now.text) : n > 0 ? -1 : slots.length;
      return slots[key === "Home" ? 0 : key === "End" ? slots.length - 1 : Math.max(0, Math.min(slots.length - 1, at + n))];
    }
    if (key === "End" && !this.curved) return never;
    if (key === "Home") return this.under(this.passed);
    const from = key === "End" || now?.never ? this.grainAt(this.to - 1) : now || this.under(this.place(i));
    if (key === "End" || !now || (now.never && n < 0)) return from;
    const to = this.calendar.step(from.a, this.grain, n);
    return to >= this.to && !this.curved ? never : this.under(to);
  }

  /** A handle has moved: the others keep their order, and the fields say it. */
  pick(i, window) {
    if (!window) return;
    if (this.curved) {
      this.picked = this.picked.map((picked, k) => picked || this.under(this.place(k)));
      this.picked = this.picked.map((picked, k) => (k < i && picked.b > window.b) || (k > i && picked.b < window.b) ? window : picked);
    }
    this.picked[i] = window;
    this.write();
    this.draw(i);
  }

  write() {
    this.fields().forEach((field, i) => {
      const picked = this.picked[i];
      if (!picked || field.value === picked.text) return;
      this.known.set(picked.text, picked);
      field.value = picked.text;
    });
    entries.label(this.form);
    this.draw();
  }

  draw(held) {
    if (!this.form || !this.picked) return;
    const percent = (t) => Math.min(100, Math.max(0, ((t - this.from) / (this.to - this.from)) * 100)), one = this.picked[0];
    this.over.classList.toggle("bare", this.curved ? false : !one || !!one.never);
    this.win.hidden = this.curved;
    if (!this.curved && one && !one.never) {
      this.win.style.left = `${percent(one.a)}%`;
      this.win.style.width = `${percent(one.b) - percent(one.a)}%`;
    }
    const never = Math.min(1, Math.max(0, parseFloat(this.form.elements.never?.value) / (/%/.test(this.form.elements.never?.value) ? 100 : 1) || 0));
    this.edges.forEach((edge, i) => {
      const picked = this.picked[i];
      edge.style.left = `${percent(this.place(i))}%`;
      edge.style.opacity = this.curved && !picked ? 0.45 : "";
      if (this.curved) edge.style.setProperty("--at", `${100 - (1 - never) * LEVELS[i] * 100}%`);
      edge.setAttribute("aria-valuemin", this.passed / 1000);
      edge.setAttribute("aria-valuemax", this.to / 1000);
      edge.setAttribute("aria-valuenow", (picked?.never ? this.to : this.place(i)) / 1000);
      edge.setAttribute("aria-valuetext", picked ? picked.text : "nothing picked yet");
    });
    if (this.curved) this.preview(percent, never, held);
    else this.label(one && !one.never ? one.text : "");
  }

  /** The curve as it would be: straight between the handles, and from the last to what never leaves. */
  preview(percent, never, held) {
    const whole = this.picked.every(Boolean), x = (t) => Math.round(((t - this.from) / (this.to - this.from)) * 4000), y = (share) => Math.round(1000 - share * (1 - never) * 1000);
    this.path.setAttribute("d", whole ? `M${x(this.dataset.origin / 1000)} 1000${this.picked.map((p, i) => `L${x(p.b)} ${y(LEVELS[i])}`).join("")}L4000 ${y(1)}` : "");
    this.glass.hidden = !whole;
    this.glass.style.top = `${100 - never * 100}%`;
    if (held === undefined) { this.label(""); return; }
    [this.win.style.left, this.win.style.width] = [`${percent(this.place(held))}%`, "0"];
    this.label(this.picked[held].text);
  }

  label(text) {
    this.chip.hidden = !text;
    const { width } = this.over.getBoundingClientRect(), left = parseFloat(this.win.style.left) || 0, wide = parseFloat(this.win.style.width) || 0;
    this.chip.textContent = text;
    const half = this.chip.offsetWidth / 2;
    this.chip.style.left = `${Math.max(half, Math.min(width - half, ((left + wide / 2) / 100) * width))}px`;
  }
}

/** The forms: each button says what it does, and a stake what it would bring as things stand. */
const entries = {
  label(form) {
    const value = (name) => form.elements[name]?.value.trim() || "", button = form.querySelector("button.go");
    const amount = Number.isFinite(+value("points")) && +value("points") > 0 ? points(+value("points")) : "";
    if (form.id === "stake") {
      const slot = document.querySelector("anyday-pick[data-form=stake]")?.picked?.[0];
      button.textContent = amount && value("slot") ? `Stake ${amount} on ${slot ? slot.text : value("slot")}` : "Stake";
      form.querySelector("[data-means]").textContent = this.means(form, slot, +value("points"));
    } else if (form.id === "guess") {
      const text = value("guess"), { cost } = form.dataset;
      button.textContent = cost ? `Guess ${text} for ${points(+cost)}`.replace("  ", " ") : text ? `Change your guess to ${text}` : "Change your guess";
    } else if (form.id === "forecast-form") button.textContent = form.dataset.standing ? "Revise your curve" : amount ? `Stake ${amount} on this curve` : "Stake on this curve";
  },

  means(form, picked, stake) {
    const all = [...form.querySelectorAll("datalist option")], option = picked && all.find((o) => o.value === picked.text);
    if (!option || !(stake > 0)) return "";
    const [on, mine, pool] = [+option.dataset.stakes, +option.dataset.mine, +form.dataset.pool], kept = 1 - form.dataset.takeout / 1e6;
    if (pool - on === 0) return "Nobody is on another slot yet: as things stand you would get your stake back.";
    const after = ((pool + stake) * kept * (mine + stake)) / (on + stake);
    return `If it is this one, you would get ${points(after)} as things stand${mine ? ", with what you staked before" : ""}. That changes until entries close.`;
  },

  all() { for (const form of document.querySelectorAll("form[data-entry]")) this.label(form); },
};

customElements.define("anyday-pick", AnydayPick);
const follow = () => {
  for (const pick of document.querySelectorAll("anyday-pick")) if (pick.picked) pick.typed();
  entries.all();
};
document.addEventListener("input", (e) => e.target.form && "entry" in e.target.form.dataset && follow());
document.addEventListener("entered", follow);
document.addEventListener("morphed", follow);
entries.all();
