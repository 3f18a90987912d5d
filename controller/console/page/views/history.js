/* Sessions that were: search, open one, verify its chain, take the report along. */

import { button, el, fill, say } from "../dom.js";
import { moment } from "../format.js";
import { askText } from "../keypad.js";
import { t, word } from "../texts.js";
import { sessionPage } from "./session_page.js";

export function historyView(app, detail) {
  const element = el("div", { class: "view" });
  if (detail) openSession(app, element, detail);
  else listSessions(app, element, "");
  return { element, show: () => {} };
}

function listSessions(app, element, asked) {
  const list = el("ul", { class: "list" });
  const said = el("p", { class: "card" }, t("history.asking"));
  const search = button("", () => askText(app, {
    label: t("history.search"), help: t("history.search_help"), value: asked, kind: "id",
    done: (text) => listSessions(app, element, text),
  }), { class: "field grow" });
  search.append(el("small", {}, t("history.search")), el("span", { class: "value" }, asked || t("history.all")));
  fill(element,
    el("div", { class: "row" }, el("h1", {}, t("place.history")), search,
      ...(asked ? [button(t("history.all"), () => listSessions(app, element, ""))] : [])),
    el("div", { class: "stack scroll grow" }, said, list));
  const load = async () => {
    const lines = await app.read(`/api/sessions?q=${encodeURIComponent(asked)}`);
    if (!lines) return;
    say(said, t("history.none"));
    said.hidden = lines.length > 0;
    fill(list, ...lines.map((line) => el("li", {}, sessionButton(app, element, line))));
  };
  load();
}

function sessionButton(app, element, line) {
  const node = button(`${moment(line.opened_wall)} · ${line.patient}`, () => openSession(app, element, line.id), { class: "choice" });
  const words = [line.plan_title, line.operator, line.outcome ? word("outcome", line.outcome) : t("history.open")];
  node.append(el("small", {}, words.join(" · ")));
  if (line.simulated) node.append(el("span", { class: "badge simulated" }, t("mark.short")));
  return node;
}

async function openSession(app, element, id) {
  fill(element, el("p", { class: "card" }, t("history.asking")));
  const session = await app.read(`/api/sessions/${encodeURIComponent(id)}`);
  if (!session) return listSessions(app, element, "");
  const back = button(t("history.back"), () => listSessions(app, element, ""));
  return fill(element, ...sessionPage(app, id, session, back));
}
