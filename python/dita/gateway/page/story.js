// A trade's story, as `dita explain` tells it out of the log.

import { html, useEffect, useState } from "/page/vendor/htm-preact.js";
import { state, tell } from "./store.js";

export function Story({ of: { account, trade } }) {
  const [lines, told] = useState(null);
  const [problem, say] = useState("");
  useEffect(() => {
    const asked = new URLSearchParams({ account, trade });
    fetch(`/api/story?${asked}`)
      .then((answer) => answer.json().then((said) => (answer.ok ? told(said.lines) : say(said.message))))
      .catch(() => say("The gateway does not answer."));
  }, []);
  const close = () => { state.story = null; tell(); };
  const open = (dialog) => dialog && !dialog.open && dialog.showModal();
  return html`<dialog ref=${open} onClose=${close} class="story" aria-labelledby="story-title">
    <h2 id="story-title">The story of ${trade}</h2>
    ${problem && html`<p role="alert" class="problem">${problem}</p>`}
    ${lines ? html`<pre tabindex="0">${lines.join("\n")}</pre>` : !problem && html`<p class="none">Reading the log …</p>`}
    <div class="row"><button autofocus onClick=${close}>Close</button></div></dialog>`;
}
