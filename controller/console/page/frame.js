/* What stays on every view: the mark of a simulated pen, the stale banner, the head with the
   highest alarm or the pen, the doors (login, language) and the places. */

import { button, change, el, fill, keep, say } from "./dom.js";
import { time } from "./format.js";
import { LANGUAGES, choose, inTongue, spoken, t, word } from "./texts.js";
import { loginPanel } from "./views/login.js";

const PLACES = ["prepare", "treat", "alarms", "history", "calibrate"];
export const RANKS = { high: "!!!", medium: "!!", low: "!" };

export class Frame {
  constructor(app) {
    this.app = app;
    this.situation = document.getElementById("situation");
  }

  build() {
    const other = LANGUAGES.find((name) => name !== spoken());
    const speak = () => { choose(other); this.app.rebuild(); };
    this.who = button("", () => this.app.panel(loginPanel(this.app)));
    fill(this.who, el("span", {}, t("login.open")), el("small", {}));
    fill(
      document.getElementById("doors"),
      this.who,
      button(other.toUpperCase(), speak, { "aria-label": t("language.other"), lang: other, id: "language" }),
    );
    this.count = el("span", { class: "count", hidden: true });
    this.places = PLACES.map((place) => button(t(`place.${place}`), () => this.app.go(place), { "data-place": place }));
    this.places[2].append(" ", this.count);
    fill(document.getElementById("places"), ...this.places);
    document.getElementById("stop").setAttribute("aria-label", t("stop.label"));
    document.title = t("page.title");
    this.pen = el("p", { class: "pen-line" });
    this.bar = this.alarmBar();
    fill(this.situation, this.bar, this.pen);
    this.stale(this.second ?? null);
  }

  alarmBar() {
    this.rank = el("span", { class: "rank" });
    this.sentence = el("span", { class: "sentence", role: "alert" });
    this.more = button("", () => this.app.go("alarms"));
    return el("div", { id: "alarm-bar", class: "alarm", hidden: true }, this.rank, this.sentence, this.more);
  }

  stale(second) {
    this.second = second;
    say(document.getElementById("stale-word"), t("stale.word"));
    const since = Number.isFinite(second) ? t("stale.since", { seconds: second }) : t("stale.never");
    say(document.getElementById("stale-since"), second === null ? "" : since);
  }

  show(view) {
    for (const node of this.places) {
      change(node, "aria-current", node.dataset.place === this.app.place ? "page" : null);
    }
    if (!view) return;
    const mark = document.getElementById("mark");
    change(mark, "hidden", !view.simulated);
    say(mark, view.simulated ? t("mark.simulated") : "");
    say(this.who.firstChild, view.login?.person ?? t("login.open"));
    say(this.who.lastChild, view.login ? word("role", view.login.role) : "");
    this.alarm(view);
    this.penLine(view);
  }

  alarm(view) {
    const first = view.alarms[0] ?? null;
    const open = view.alarms.filter((alarm) => !alarm.acknowledged).length;
    change(this.count, "hidden", open === 0);
    say(this.count, String(open));
    change(this.bar, "hidden", !first);
    document.body.dataset.priority = first?.priority ?? "none";
    if (!first) return;
    light(this.bar, first);
    say(this.rank, RANKS[first.priority]);
    say(this.sentence, inTongue(first.sentence));
    const hidden = view.alarms.length - 1;
    say(this.more, hidden ? t("alarm.and_more", { count: hidden }) : t("alarm.open"));
  }

  penLine(view) {
    change(this.pen, "hidden", view.alarms.length > 0);
    const pen = view.pen;
    const words = pen
      ? [`${pen.model} ${pen.uid.slice(-4)}`, pen.connected ? word("pen", "connected") : word("pen", "lost"),
        pen.battery_percent === null ? "" : t("pen.battery", { percent: pen.battery_percent }),
        word("pen_state", pen.state)]
      : [t("pen.none")];
    if (view.audio_paused_until_wall) words.push(t("alarm.paused_until", { time: time(view.audio_paused_until_wall) }));
    const make = () => el("span", { class: "live" });
    keep(this.pen, words.filter(Boolean).map((text, index) => ({ text, index })), (each) => each.index, make,
      (node, each) => say(node, each.text));
  }
}

/** Give a node the light of an alarm: it flashes until acknowledged, then shines steadily. */
export function light(node, alarm) {
  node.classList.add("alarm");
  node.classList.toggle("flashing", alarm.active && !alarm.acknowledged && alarm.priority !== "low");
  node.classList.toggle("over", !alarm.active && alarm.acknowledged);
  change(node, "data-priority", alarm.priority);
}
