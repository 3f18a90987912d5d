/* No calibration is open: what is due, what can be begun, certificates to take along. */

import { actButton } from "../app.js";
import { change, el, fill } from "../dom.js";
import { date, moment, number } from "../format.js";
import { inTongue, t, word } from "../texts.js";
import { askApproval } from "./calibrate_asks.js";

const BEGIN = [["dose", false], ["dose", true], ["protrusion", false], ["cadence", false]];

/** `again(isIssued)` builds the view anew. */
export function idleView(app, page, again) {
  const starts = BEGIN.map(([procedure, typed]) => actButton(app, "calibrate",
    t(typed ? "calibrate.begin_typed" : `calibrate.begin_${procedure}`),
    () => app.act("calibrate", "/api/calibration/start", { procedure, typed }), procedure === "dose" && !typed ? { class: "main" } : {}));
  const approve = actButton(app, "certify", t("certificate.approve"), () => askApproval(app, () => again(true)));
  const cannot = el("p", { class: "say", hidden: true }, t("calibrate.cannot"));
  const element = el("div", { class: "stack grow" },
    el("div", { class: "row" }, el("h1", { class: "grow" }, t("place.calibrate")), approve),
    el("div", { class: "begin" }, ...starts), cannot,
    el("div", { class: "stack scroll grow" }, ...last(page), ...page.due.map(due), ...certificates(app, page)));
  const show = () => {
    for (const node of [...starts, approve]) node.follow();
    change(cannot, "hidden", app.may("calibrate"));
  };
  return { element, show };
}

function last(page) {
  if (!page.last) return [];
  const { procedure, outcome, reason, wall } = page.last;
  const badge = el("span", { class: outcome === "measured" ? "badge good" : "badge" }, word("calibration_outcome", outcome));
  return [el("div", { class: "card" }, el("h2", {}, t("calibrate.last"), " ", word("calibration", procedure), " ", badge),
    el("p", {}, `${moment(wall)} · ${inTongue(reason)}`))];
}

function due(pen) {
  const lines = pen.certificate_id
    ? [t("due.until", { id: pen.certificate_id, date: date(pen.until_wall), days: number(pen.days_left, 0) }),
      ...(pen.provisional ? [t("due.provisional")] : []),
      ...pen.ends.map((end) => t("due.left", { name: word("due_end", end.name), left: left(end) }))]
    : [t("due.none")];
  const wants = pen.wants.length ? [el("h3", {}, t("due.wants")), ...pen.wants.map((each) => el("p", {}, inTongue(each)))] : [el("p", { class: "number" }, t("due.can_issue"))];
  return el("div", { class: "card" },
    el("h2", {}, t("due.pen", { uid: pen.pen_uid })),
    ...lines.map((line) => el("p", {}, line)),
    ...pen.findings.map((each) => el("p", { class: each.blocks ? "finding blocks" : "finding" }, inTongue(each.sentence))),
    ...(pen.unstored ? [el("p", { class: "finding blocks" }, t("due.unstored"))] : []),
    ...wants);
}

/** The heading has the unit of what is counted. */
function left(end) {
  const count = Number.parseFloat(end.left);
  return end.name === "hours" ? `${number(count, 1)}\u202fh` : number(count, 0);
}

function certificates(app, page) {
  if (!page.certificates.length) return [];
  const list = el("ul", { class: "list" });
  fill(list, ...page.certificates.map((each) => el("li", { class: "card row" },
    el("div", { class: "grow" },
      el("strong", {}, each.id), " ",
      each.simulated ? el("span", { class: "badge simulated" }, t("mark.short")) : null,
      each.in_force ? el("span", { class: "badge good" }, t("certificate.last")) : null,
      el("p", {}, t("certificate.people", { measured: each.measured_by, approved: each.approved_by })),
      el("p", { class: "quiet" }, moment(each.issued_wall))),
    ...["pdf", "json"].map((form) => el("a", {
      class: "button", href: `/api/certificates/${encodeURIComponent(each.id)}.${form}`, download: `certificate-${each.id}.${form}`,
      "aria-label": t("certificate.take", { id: each.id, form: form.toUpperCase() }),
    }, form.toUpperCase())))));
  return [el("h2", {}, t("certificate.all")), list];
}
