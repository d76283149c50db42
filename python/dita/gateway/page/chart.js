// A chart over time: columns of points, the first is the time in seconds.

import { html, useEffect, useRef } from "/page/vendor/htm-preact.js";

const look = (dots, stroke) => (dots ? { width: 0, paths: () => null, points: { show: true, size: 9, fill: stroke } } : { points: { show: false }, spanGaps: true });

// As wide as the longest label: one that is cut off reads as another number.
const wide = (_plot, labels) => Math.max(76, 24 + 7.5 * Math.max(0, ...(labels ?? []).map((label) => String(label).length)));

export function Chart({ points, series, height, label }) {
  const place = useRef(null);
  const plot = useRef(null);
  const data = () => [0, ...series.keys()].map((_, column) => points.map((point) => point[column] ?? null));
  useEffect(() => {
    const make = () => {
      plot.current?.destroy();
      const style = getComputedStyle(document.documentElement);
      const colour = (name) => style.getPropertyValue(name).trim();
      const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
      plot.current = new globalThis.uPlot({
        width: width(), height, legend: { show: false }, cursor: { y: false },
        axes: [axis, { ...axis, size: wide }],
        series: [{}, ...series.map(({ name, stroke, dots, ...more }) => ({ label: name, ...look(dots, colour(stroke)), ...more, stroke: colour(stroke) }))],
      }, data(), place.current);
    };
    const width = () => Math.max(200, place.current?.clientWidth ?? 600);
    make();
    const fit = () => plot.current.setSize({ width: width(), height });
    addEventListener("resize", fit);
    addEventListener("themed", make);
    return () => { removeEventListener("resize", fit); removeEventListener("themed", make); plot.current.destroy(); };
  }, []);
  // Some hundred points are drawn anew once a second at most.
  const shown = points.length ? `${points.length} ${points.at(-1)}` : "";
  useEffect(() => { plot.current?.setData(data()); }, [shown]);
  return html`<div ref=${place} role="img" aria-label=${label}></div>`;
}
