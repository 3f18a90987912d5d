/* After a lost cable: when it was lost, what was delivered last, and one touch to go on. */

import { actButton } from "../app.js";
import { change, el, say } from "../dom.js";
import { number, time } from "../format.js";
import { inTongue, t } from "../texts.js";
import { askPrime } from "./treat_asks.js";

export function lostPanel(app) {
  const when = el("p", { class: "when" });
  const last = el("p", { class: "when" });
  const reason = el("p", {});
  const now = el("p", {});
  const go = actButton(app, "treat", t("lost.go_on"), () => app.act("treat", "/api/sessions/current/treat"), { class: "main" });
  const prime = actButton(app, "prime", t("lost.prime"), () => askPrime(app), { class: "main" });
  const element = el("div", { class: "lost stack", role: "status" },
    el("h2", {}, t("lost.title")), when, reason, last, now, el("div", { class: "row" }, go, prime));
  const show = (view, isShown) => {
    change(element, "hidden", !isShown);
    go.follow();
    prime.follow();
    if (!isShown) return;
    const { lost, last_delivered: delivered, state, zones, syringe } = view.session;
    const zone = zones.find((each) => each.name === delivered?.zone);
    say(when, t("lost.at", { time: time(lost.wall) }));
    say(reason, inTongue(lost.reason));
    say(last, delivered ? t("lost.last", {
      puncture: number(delivered.puncture), zone: zone?.title ?? delivered.zone ?? "–", time: time(delivered.wall),
    }) : t("lost.nothing_yet"));
    const isBack = state === "ready" && view.pen?.connected;
    say(now, isBack ? t("lost.back") : t("lost.waiting"));
    const next = zones.some((each) => each.is_next);
    change(go, "hidden", !isBack || syringe.needs_prime || !next);
    change(prime, "hidden", !isBack || !syringe.needs_prime);
  };
  return { element, show };
}
