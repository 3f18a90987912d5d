/* One session of the record: plan against delivery, chain, alarms, report files. */

import { button, el, fill, say } from "../dom.js";
import { Face } from "../face.js";
import { moment, nl, number, units } from "../format.js";
import { histogram } from "../histogram.js";
import { t, word } from "../texts.js";
import { logLine } from "./alarms.js";

const FILES = ["pdf", "html", "csv", "jsonl"];

/** The parts of the page; `session` is the controller's sheet of it. */
export function sessionPage(app, id, session, back) {
  const path = `/api/sessions/${encodeURIComponent(id)}`;
  const said = el("p", { class: "grow reads", role: "status" });
  const verify = button(t("session.verify"), async () => {
    say(said, t("session.verifying"));
    const found = await app.read(`${path}/verify`);
    fill(said, ...(found ? verdict(found) : []));
  });
  return [
    el("div", { class: "row" }, back, el("h1", { class: "grow reads" }, `${session.plan_title} · ${session.patient}`),
      session.simulated ? el("span", { class: "badge simulated" }, t("mark.short")) : null),
    el("div", { class: "stack scroll grow" },
      facts(session),
      el("div", { class: "sheet" }, zones(session), el("figure", { class: "card" }, face(session))),
      el("div", { class: "card row" }, said, verify),
      el("div", { class: "card stack" }, el("h2", {}, t("session.report")),
        el("div", { class: "row" }, ...FILES.map((kind) => file(path, id, kind)))),
      charts(session),
      alarms(session)),
  ];
}

function facts(session) {
  const outcome = session.outcome ? word("outcome", session.outcome) : t("history.open");
  const when = [moment(session.opened_wall), session.closed_wall ? moment(session.closed_wall) : null, outcome];
  const what = [session.operator, session.product, session.lot, session.cartridge, ...session.pens];
  return el("div", { class: "card reads" },
    el("p", { class: "number" }, when.filter(Boolean).join(" · ")),
    el("p", { class: "quiet" }, what.filter(Boolean).join(" · ")));
}

function zones(session) {
  const dispenses = session.zones.some((zone) => zone.planned_nl);
  const heads = ["plan.zone", "session.punctures", ...(dispenses ? ["session.planned", "session.certain", "session.possible"] : [])];
  const amount = (zone, kind) => [nl(zone[`${kind}_nl`]), units(zone[`${kind}_units`], session.unit)].filter(Boolean).join(" · ");
  const cells = (zone) => [
    zone.name,
    `${number(zone.punctures_certain)} / ${number(zone.planned_punctures)}`,
    ...(dispenses ? [nl(zone.planned_nl), amount(zone, "certain"), amount(zone, "possible")] : []),
  ];
  return el("div", { class: "card" }, el("table", {},
    el("thead", {}, el("tr", {}, ...heads.map((key) => el("th", { scope: "col" }, t(key))))),
    el("tbody", {}, ...session.zones.map((zone) => el("tr", {}, ...cells(zone).map((cell) => el("td", {}, cell)))))));
}

function face(session) {
  const drawn = new Face();
  drawn.element.classList.remove("live"); // a record does not grow old
  drawn.paint(session.zones.map((zone) => {
    const share = zone.punctures_certain / zone.planned_punctures;
    const possible = zone.punctures_possible / zone.planned_punctures;
    return { name: zone.name, region: zone.region, title: zone.name, share, possible, isNext: false, isComplete: share >= 1 };
  }));
  return drawn.element;
}

function charts(session) {
  const kinds = [["session.protrusion", session.protrusion, 0], ["session.cadence", session.cadence, 2]];
  const shown = kinds.filter(([, bars]) => bars.length).map(([key, bars, digits]) =>
    el("figure", { class: "card grow" }, el("figcaption", {}, t(key)), histogram(t(key), bars, digits)));
  return shown.length ? el("div", { class: "row" }, ...shown) : null;
}

function alarms(session) {
  if (!session.alarms.length) return el("p", { class: "card" }, t("session.no_alarms"));
  return el("div", { class: "card" }, el("h2", {}, t("alarm.log")),
    el("table", { class: "alarm-log" }, el("tbody", {}, ...session.alarms.map(logLine))));
}

function verdict(found) {
  const badge = el("span", { class: found.holds ? "badge good" : "badge bad" }, t(found.holds ? "session.intact" : "session.broken"));
  const words = t("session.entries", { entries: number(found.entries_of_session), head: found.head.slice(0, 24) });
  return [badge, ` ${found.problem ?? words}`];
}

/** A file that is saved, never opened in place of this page: STOP stays on the screen. */
function file(path, id, kind) {
  return el("a", { class: "button grow", href: `${path}/report.${kind}`, download: `${id}.${kind}` }, t(`report.${kind}`));
}
