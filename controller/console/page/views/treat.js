/* Treating: what is given now, in numbers that are read from half a metre. Nothing here starts
   needles: it arms, and the trigger on the pen starts. */

import { actButton } from "../app.js";
import { button, change, el, fill, say } from "../dom.js";
import { Face } from "../face.js";
import { nl, number, unitName } from "../format.js";
import { Strip } from "../strip.js";
import { t, word } from "../texts.js";
import { clearButton } from "./checks_step.js";
import { lostPanel } from "./lost.js";
import { askClose, askOrArm, askPrime, askSyringe } from "./treat_asks.js";

const MOVING = new Set(["arming", "running", "ending"]);

export function treatView(app) {
  const view = new Treat(app);
  return { element: view.element, show: (now) => view.show(now), strip: () => view.strip.draw() };
}

/** The zone that the numbers are of: the armed one, else the next, else the last. */
export function presentZone(session) {
  return session.zones.find((zone) => zone.name === session.zone)
    ?? session.zones.find((zone) => zone.is_next) ?? session.zones.at(-1) ?? null;
}

class Treat {
  constructor(app) {
    this.app = app;
    this.face = new Face();
    this.strip = new Strip(app.recent);
    this.element = el("div", { class: "view treat" });
    this.kind = null;
    this.build();
  }

  build() {
    this.title = el("h1", { class: "reads" });
    this.state = el("span", { class: "badge live" });
    this.dose = el("span", { class: "dose live" });
    this.units = el("span", { class: "units live" });
    this.of = el("span", { class: "of live" });
    this.values = {};
    const figures = ["remaining", "punctures", "cadence", "protrusion"].map((name) => this.figure(name));
    this.lamps = ["contact", "trigger", "ready"].map((name) => el("span", { class: "lamp live", "data-lamp": name }));
    this.hint = el("p", { class: "say" });
    this.lost = lostPanel();
    this.acts = this.buttons();
    this.huge = el("div", { class: "huge" }, this.dose, this.units, this.of);
    this.numbers = el("div", { class: "treat-body" },
      el("div", { class: "treat-left" }, this.huge,
        el("div", { class: "figures" }, ...figures), el("div", { class: "lamps" }, ...this.lamps),
        el("div", { class: "strip" }, this.strip.element)),
      el("figure", {}, this.face.element));
    this.whole = [
      el("div", { class: "treat-top" }, this.title, this.state), this.hint, this.lost.element, this.numbers,
      el("div", { class: "acts" }, ...Object.values(this.acts)),
    ];
  }

  figure(name) {
    this.values[name] = el("span", { class: "value live" });
    return el("div", { class: "figure" }, el("span", { class: "label" }, t(`treat.${name}`)), this.values[name]);
  }

  buttons() {
    const { app } = this;
    const treat = actButton(app, "treat", "", () => askOrArm(app), { class: "main" });
    this.arm = el("span", {});
    this.nextZone = el("small", {});
    treat.append(this.arm, this.nextZone);
    return {
      treat,
      prime: actButton(app, "prime", t("prime.open"), () => askPrime(app), { class: "main" }),
      pause: actButton(app, "pause", t("treat.pause"), () => app.act("pause", "/api/sessions/current/pause"), { class: "main" }),
      clear: clearButton(app),
      swap: actButton(app, "swap", t("syringe.open"), () => askSyringe(app)),
      close: actButton(app, "close", t("close.open"), () => askClose(app)),
    };
  }

  // --- showing ---------------------------------------------------------------------------------

  show(view) {
    const kind = view.session ? "session" : "none";
    if (kind !== this.kind) {
      this.kind = kind;
      fill(this.element, ...(kind === "session" ? this.whole : [this.nothing()]));
    }
    if (view.session) this.session(view, view.session);
  }

  nothing() {
    return el("div", { class: "empty" }, el("h1", {}, t("treat.no_session")),
      button(t("place.prepare"), () => this.app.go("prepare"), { class: "main" }),
      button(t("place.history"), () => this.app.go("history")));
  }

  session(view, session) {
    const zone = presentZone(session);
    const isLost = session.lost !== null && !MOVING.has(session.state);
    say(this.title, `${zone?.title ?? "–"} · ${session.patient}`);
    say(this.state, word("state", session.state));
    this.state.classList.toggle("good", session.state === "running");
    this.state.classList.toggle("bad", ["latched", "interrupted", "blocked"].includes(session.state));
    this.lost.show(view, isLost);
    change(this.numbers, "hidden", isLost);
    if (zone) this.zone(session, zone);
    if (view.pen) this.pen(view.pen);
    this.face.paint(session.zones.map((each) => onFace(each, session)));
    this.strip.draw();
    this.possible(session, isLost);
    const hint = hintFor(view, session);
    say(this.hint, hint ? t(hint) : "");
    change(this.hint, "hidden", !hint || isLost);
  }

  zone(session, zone) {
    const dispenses = zone.planned_nl > 0;
    amount(this.dose, dispenses ? number(zone.certain_nl) : number(zone.punctures), dispenses ? "nl" : t("unit.punctures"));
    change(this.units, "hidden", zone.certain_units === null);
    if (zone.certain_units !== null) amount(this.units, number(zone.certain_units, 2), unitName(zone.unit));
    // While the pen runs, what is granted ahead is possible too, and no reason to worry anybody.
    const given_nl = MOVING.has(session.state) ? zone.certain_nl : zone.possible_nl;
    const open_nl = given_nl - zone.certain_nl;
    const planned = dispenses ? nl(zone.planned_nl) : number(zone.planned_punctures);
    say(this.of, t("treat.of", { planned }) + (open_nl > 0.5 ? ` · ${t("treat.possible", { volume: nl(zone.possible_nl) })}` : "")
      + (session.syringe.fill_nl !== null ? ` · ${t("treat.syringe", { left: nl(session.syringe.left_nl) })}` : ""));
    const left = dispenses ? [number(Math.max(0, zone.planned_nl - given_nl)), "nl"]
      : [number(Math.max(0, zone.planned_punctures - zone.punctures)), ""];
    amount(this.values.remaining, ...left);
    amount(this.values.punctures, number(zone.punctures), `/ ${number(zone.planned_punctures)}`);
  }

  pen(pen) {
    amount(this.values.cadence, number(pen.cadence_hz, 1), "Hz");
    amount(this.values.protrusion, number(pen.protrusion_reached_um), `/ ${number(pen.protrusion_set_um)}`);
    const ready = pen.connected && !pen.flags.stop_latched && !pen.fault;
    const lamps = { contact: pen.flags.contact, trigger: pen.flags.trigger, ready };
    for (const lamp of this.lamps) {
      const name = lamp.dataset.lamp;
      change(lamp, "data-on", String(lamps[name]));
      say(lamp, `${lamps[name] ? "●" : "○"} ${t(`lamp.${name}_${lamps[name] ? "on" : "off"}`)}`);
    }
  }

  possible(session, isLost) {
    const moving = MOVING.has(session.state);
    const next = session.zones.find((zone) => zone.is_next);
    const { treat, prime, pause, swap, close } = this.acts;
    const ready = session.state === "ready";
    say(this.arm, t(isLost ? "lost.go_on" : "treat.arm"));
    say(this.nextZone, next ? t("treat.next_zone", { zone: next.title }) : "");
    change(treat, "hidden", !ready || session.syringe.needs_prime || !next);
    change(prime, "hidden", !ready || !session.syringe.needs_prime);
    change(pause, "hidden", !moving);
    change(swap, "hidden", moving || session.syringe.fill_nl === null);
    change(close, "hidden", moving);
    close.classList.toggle("main", ready && !next);
    for (const node of Object.values(this.acts)) node.follow();
  }
}

function amount(node, value, unit) {
  const key = `${value} ${unit}`;
  if (node.dataset.shown === key) return;
  node.dataset.shown = key;
  fill(node, value, el("small", {}, `\u202f${unit}`));
}

/** A zone that the needles are still in is not complete: its last strokes are only granted. */
function onFace(zone, session) {
  const isUnderWay = zone.name === session.zone && MOVING.has(session.state);
  const isComplete = zone.is_complete && !isUnderWay;
  const share = (value, planned) => (planned > 0 ? value / planned : 0);
  const dispenses = zone.planned_nl > 0;
  const done = dispenses ? share(zone.certain_nl, zone.planned_nl) : share(zone.punctures, zone.planned_punctures);
  return {
    name: zone.name, region: zone.region, title: zone.title, isNext: zone.is_next || zone.name === session.zone, isComplete,
    share: Math.round(done * 200) / 200,
    possible: dispenses && !isUnderWay ? Math.round(share(zone.possible_nl, zone.planned_nl) * 200) / 200 : done,
  };
}

/** What the person has to do now, when it is not plain from the buttons. */
function hintFor(view, session) {
  const { pen } = view;
  if (session.state === "latched") return "hint.latched";
  if (session.state === "blocked") return "hint.blocked";
  if (!pen?.connected) return "hint.no_pen";
  if (session.state === "running" && !session.zone) return pen.flags.contact ? "hint.off_skin" : "hint.prime";
  if (session.state === "running" && !pen.flags.trigger) return "hint.trigger";
  if (session.state === "ready" && session.syringe.needs_prime) return "hint.needs_prime";
  if (session.state === "ready" && !session.zones.some((zone) => zone.is_next)) return "hint.complete";
  return null;
}
