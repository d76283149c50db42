// A table of which only the rows that can be seen are in the document.

import { html, useEffect, useRef, useState } from "/page/vendor/htm-preact.js";

const ROW_PX = 34;
const BESIDE = 6;

export function Table({ rows, columns, none, label }) {
  const place = useRef(null);
  const [from, scroll] = useState(0);
  const [tall, measure] = useState(20);
  useEffect(() => {
    if (!place.current) return undefined;
    const seen = new ResizeObserver(() => measure(Math.ceil(place.current.clientHeight / ROW_PX) + BESIDE));
    seen.observe(place.current);
    return () => seen.disconnect();
  }, [rows.length === 0]);
  if (rows.length === 0) return html`<p class="none">${none}</p>`;
  const first = Math.max(0, Math.min(from - BESIDE, rows.length - tall));
  const shown = rows.slice(first, first + tall + BESIDE);
  const rest = rows.length - first - shown.length;
  const gap = (count) => count > 0 && html`<tr class="gap" aria-hidden="true" style=${{ height: `${count * ROW_PX}px` }}></tr>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label} ref=${place} onScroll=${(event) => scroll(Math.floor(event.currentTarget.scrollTop / ROW_PX))}>
    <table aria-rowcount=${rows.length + 1}><thead><tr aria-rowindex="1">${columns.map(([name, , kind]) => html`<th scope="col" class=${kind ?? ""}>${name || html`<span class="unseen">Actions</span>`}</th>`)}</tr></thead>
    <tbody>${gap(first)}${shown.map((row, at) => html`<tr key=${row.key} aria-rowindex=${first + at + 2}>${columns.map(([, read, kind]) => html`<td class=${kind ?? ""}>${read(row.value, row)}</td>`)}</tr>`)}${gap(rest)}</tbody></table></div>`;
}
