/* Why the controller does not speak to this browser. One that is not on the controller itself shows
   its token once; any other reason is told. */

import { Refusal, post } from "../api.js";
import { button, el, say } from "../dom.js";
import { t } from "../texts.js";

const UNAUTHORISED = 401;

/** Ask for the stream once more, to hear why it is refused. */
export async function sayWhyRefused(app) {
  if (app.openPanel) return;
  const response = await fetch("/api/events", { cache: "no-store" }).catch(() => null);
  if (!response) return; // nobody is there: the banner says so
  if (response.ok) {
    await response.body.cancel();
    return;
  }
  if (response.status === UNAUTHORISED) app.panel(tokenPanel(app));
  else app.tell(new Refusal(await response.json().catch(() => ({ what: `HTTP ${response.status}` }))));
}

function tokenPanel(app) {
  const said = el("p", { class: "bad-text", role: "alert" });
  const token = el("input", { type: "password", autocomplete: "off", "aria-label": t("token.title") });
  const send = async () => {
    try {
      await post("/api/enter", { token: token.value.trim() });
      app.closePanel();
      app.stream.connect();
    } catch (error) {
      say(said, [error.what, error.action].filter(Boolean).join(" "));
    }
  };
  const element = el("div", { class: "stack" },
    el("h1", {}, t("token.title")), el("p", {}, t("token.help")), token, said,
    button(t("do.done"), send, { class: "main" }));
  return { element, title: t("token.title") };
}
