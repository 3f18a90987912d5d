/* After a lost cable: when it was lost, what was delivered last. The one touch to go on is the main
   button under it. */

import { change, el, say } from "../dom.js";
import { number, time } from "../format.js";
import { inTongue, t } from "../texts.js";

export function lostPanel() {
  const when = el("p", { class: "when" });
  const last = el("p", { class: "when" });
  const reason = el("p", {});
  const now = el("p", {});
  const element = el("div", { class: "lost stack", role: "status" },
    el("h2", {}, t("lost.title")), when, last, reason, now);
  const show = (view, isShown) => {
    change(element, "hidden", !isShown);
    if (!isShown) return;
    const { lost, last_delivered: delivered, state, zones } = view.session;
    const zone = zones.find((each) => each.name === delivered?.zone);
    say(when, t("lost.at", { time: time(lost.wall) }));
    say(reason, inTongue(lost.reason));
    say(last, delivered ? t("lost.last", {
      puncture: number(delivered.puncture), zone: zone?.title ?? delivered.zone ?? "–", time: time(delivered.wall),
    }) : t("lost.nothing_yet"));
    const isBack = state === "ready" && view.pen?.connected;
    say(now, isBack ? t("lost.back") : t("lost.waiting"));
  };
  return { element, show };
}
