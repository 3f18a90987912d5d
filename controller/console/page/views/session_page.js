/* One session of the record: plan against delivery, chain, report files. */

import { button, el, fill, say } from "../dom.js";
import { moment, nl, number, units } from "../format.js";
import { t, word } from "../texts.js";

const FILES = ["pdf", "html", "csv", "jsonl"];

export function sessionPage(app, id, session, back) {
  const path = `/api/sessions/${encodeURIComponent(id)}`;
  const said = el("p", { class: "grow", role: "status" });
  const verify = button(t("session.verify"), async () => {
    say(said, t("session.verifying"));
    const found = await app.read(`${path}/verify`);
    if (found) verified(said, found);
    else say(said, "");
  });
  return [
    el("div", { class: "row" }, back, el("h1", { class: "grow reads" }, `${session.plan_title ?? ""} · ${session.patient ?? ""}`),
      session.simulated ? el("span", { class: "badge simulated" }, t("mark.short")) : null),
    el("div", { class: "stack scroll grow" },
      facts(session),
      zones(session),
      el("div", { class: "card row" }, said, verify),
      el("div", { class: "card stack" }, el("h2", {}, t("session.report")),
        el("div", { class: "row" }, ...FILES.map((kind) => file(path, id, kind))))),
  ];
}

function facts(session) {
  const outcome = session.outcome ? word("outcome", session.outcome) : t("history.open");
  const words = [moment(session.opened_wall), session.closed_wall ? moment(session.closed_wall) : null, session.operator, outcome];
  return el("p", { class: "card reads" }, words.filter(Boolean).join(" · "));
}

function zones(session) {
  const list = session.zones ?? [];
  if (!list.length) return null;
  const dispenses = list.some((zone) => zone.planned_nl);
  const heads = ["plan.zone", "session.punctures", ...(dispenses ? ["session.planned", "session.certain", "session.possible"] : [])];
  const cells = (zone) => [
    zone.title ?? zone.name,
    `${number(zone.punctures)} / ${number(zone.planned_punctures)}`,
    ...(dispenses ? [both(zone, "planned"), both(zone, "certain"), both(zone, "possible")] : []),
  ];
  return el("div", { class: "card" }, el("table", {},
    el("thead", {}, el("tr", {}, ...heads.map((key) => el("th", { scope: "col" }, t(key))))),
    el("tbody", {}, ...list.map((zone) => el("tr", {}, ...cells(zone).map((cell) => el("td", {}, cell)))))));
}

function both(zone, kind) {
  return [nl(zone[`${kind}_nl`]), units(zone[`${kind}_units`] ?? null, zone.unit)].filter(Boolean).join(" · ");
}

function verified(said, found) {
  const good = found.ok ?? found.valid ?? found.intact ?? false;
  fill(said, el("span", { class: good ? "badge good" : "badge bad" }, t(good ? "session.intact" : "session.broken")),
    ` ${found.sentence ?? found.head ?? ""}`);
}

/** A file that is saved, never opened in place of this page: STOP stays on the screen. */
function file(path, id, kind) {
  return el("a", { class: "button grow", href: `${path}/report.${kind}`, download: `${id}.${kind}` }, t(`report.${kind}`));
}
