"use strict";
// The page is whole without this file: it adds the theme's button, sorting, and charts that can be zoomed.
(() => {
  const root = document.documentElement;
  const series = JSON.parse(document.getElementById("series").textContent);
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  // A column is its digits after the point and whole numbers, each the difference to the one before it.
  const decoded = (column) => {
    const unit = 10 ** column.d;
    let sum = 0;
    return column.v.map((step) => {
      if (step === null) return null;
      sum += step;
      return sum / unit;
    });
  };
  const amount = (value, digits, sign) => {
    const [whole, part] = Math.abs(value).toFixed(digits).split("."), nothing = !Number(value.toFixed(digits));
    const text = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : "");
    return (nothing ? "" : value < 0 ? "\u2212" : sign ? "+" : "") + text;
  };
  const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");

  // ------------------------------------------------------------------------------------------------ theme
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const named = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Show the page ${isDark() ? "light" : "dark"}`);
  };
  button.hidden = false;
  named();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    named();
    draw();
  });
  dark.addEventListener("change", () => { named(); draw(); });

  // --------------------------------------------------------------------------------------------- trades
  const columns = series.trades.columns;
  const trades = {};
  for (const [name, column] of Object.entries(columns)) trades[name] = decoded(column);
  trades.exit_time = trades.entry_time.map((at, row) => (trades.held[row] === null ? null : at + trades.held[row]));
  const order = trades.number.map((_, row) => row);
  const table = document.getElementById("trade-table");

  const cell = (line, text, kind) => {
    const made = line.insertCell();
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const filled = () => {
    const body = document.createElement("tbody");
    for (const row of order.slice(0, series.trades.shown)) {
      const line = body.insertRow();
      const money = series.trades.digits, place = series.symbols[trades.symbol[row]];
      const digits = series.trades.price_digits[trades.symbol[row]];
      const first = cell(line, String(trades.number[row]));
      if (trades.ambiguous[row]) {
        const tag = document.createElement("span");
        tag.className = "tag";
        tag.title = "ambiguous";
        tag.textContent = "?";
        first.append(tag);
      }
      cell(line, place);
      cell(line, trades.side[row] ? "LONG" : "SHORT");
      cell(line, moment(trades.entry_time[row]));
      cell(line, trades.exit_time[row] === null ? "\u2013" : moment(trades.exit_time[row]));
      cell(line, amount(trades.entry[row], digits));
      cell(line, trades.exit[row] === null ? "\u2013" : amount(trades.exit[row], digits));
      cell(line, amount(trades.size[row], columns.size.d));
      const net = trades.net[row];
      cell(line, amount(net, money, true), net > 0 ? "up" : net < 0 ? "down" : "");
      cell(line, amount(trades.fees[row], money));
      cell(line, amount(trades.funding[row], money, true));
      cell(line, series.trades.reasons[trades.reason[row]]);
    }
    table.tBodies[0].replaceWith(body);
  };
  const value = (name, row) => (name === "symbol" ? series.symbols[trades.symbol[row]]
    : name === "reason" ? series.trades.reasons[trades.reason[row]] : trades[name][row]);
  if (table) {
    for (const head of table.tHead.rows[0].cells) {
      const name = head.dataset.key;
      const press = document.createElement("button");
      press.type = "button";
      press.textContent = head.textContent;
      head.replaceChildren(press);
      press.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        order.sort((one, two) => {
          const left = value(name, one), right = value(name, two);
          if (left === right) return one - two;
          if (left === null || right === null) return left === null ? 1 : -1;
          return (left < right ? -1 : 1) * (down ? -1 : 1);
        });
        filled();
      });
    }
  }

  // --------------------------------------------------------------------------------------------- charts
  const plots = [];
  let zoomed = null;
  const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");
  const font = '12px ui-sans-serif,system-ui,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif';
  const digitsOf = (splits) => {
    const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) : 1;
    return Math.max(0, Math.min(10, -Math.floor(Math.log10(step) + 1e-9)));
  };
  const axes = (percent) => [
    { stroke: colour("--soft"), font, grid: { stroke: colour("--faint"), width: 1 }, ticks: { show: false }, space: 70, size: 42 },
    {
      stroke: colour("--soft"), font, grid: { stroke: colour("--faint"), width: 1 }, ticks: { show: false }, size: 74,
      space: percent ? 26 : 38,
      values: (_, splits) => splits.map((split) => (percent
        ? `${amount(split * 100, digitsOf(splits.map((each) => each * 100)))} %` : amount(split, digitsOf(splits)))),
    },
  ];
  const zoom = (from, to) => {
    zoomed = from === null ? null : [from, to];
    for (const plot of plots) plot.setScale("x", { min: from ?? plot.span[0], max: to ?? plot.span[1] });
    for (const reset of document.querySelectorAll("button.reset")) reset.hidden = zoomed === null;
  };

  const chart = (figure, data, lines, options) => {
    const place = figure.querySelector(".plot"), readout = figure.querySelector(".readout");
    const size = () => ({ width: Math.max(240, place.clientWidth), height: Number(figure.dataset.height) });
    place.replaceChildren();
    figure.classList.add("live");
    let settled = false;
    const plot = new uPlot({
      ...size(), tzDate: utc, legend: { show: false }, padding: [10, 12, 0, 0],
      scales: { x: { time: true, range: (_, low, high) => (zoomed ? [low, high] : series.span) }, y: options.range ? { range: options.range } : {} },
      axes: axes(options.percent),
      series: [{}, ...lines],
      cursor: {
        sync: { key: "time", setSeries: false }, drag: { x: true, y: false, setScale: false },
        points: { size: 7, fill: (u, at) => u.series[at].stroke(u, at) }, bind: { dblclick: () => () => zoom(null, null) },
      },
      hooks: {
        draw: options.draw ? [options.draw] : [],
        setSelect: [(u) => {
          if (u.select.width < 4) return;
          const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          zoom(from, to);
        }],
        setCursor: [(u) => {
          const at = u.cursor.idx;
          readout.textContent = at == null ? options.rest ?? "" : `${moment(u.data[0][at])} UTC \u00b7 ${options.say(at)}`;
        }],
      },
    }, data, place);
    plot.span = series.span;
    readout.textContent = options.rest ?? "";
    new ResizeObserver(() => { if (settled) plot.setSize(size()); settled = true; }).observe(place);
    figure.tabIndex = 0;
    figure.onkeydown = (event) => keyed(event, plot);
    plots.push(plot);
    if (zoomed) plot.setScale("x", { min: zoomed[0], max: zoomed[1] });
    return plot;
  };

  const keyed = (event, plot) => {
    const { min, max } = plot.scales.x, middle = plot.cursor.idx == null ? (min + max) / 2 : plot.data[0][plot.cursor.idx];
    const step = event.shiftKey ? 20 : 1, at = plot.cursor.idx ?? -1;
    const go = (to) => {
      const idx = Math.max(0, Math.min(plot.data[0].length - 1, to));
      plot.setCursor({ left: plot.valToPos(plot.data[0][idx], "x"), top: plot.over.clientHeight / 2 });
    };
    const acts = {
      ArrowLeft: () => go(at - step), ArrowRight: () => go(at + step), Home: () => go(0),
      End: () => go(plot.data[0].length - 1), 0: () => zoom(null, null), Escape: () => zoom(null, null),
      "+": () => zoom(middle - (middle - min) / 2, middle + (max - middle) / 2),
      "-": () => zoom(Math.max(plot.span[0], middle - (middle - min) * 2), Math.min(plot.span[1], middle + (max - middle) * 2)),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  };

  // The curves are decoded once; only their colours change.
  const curves = {};
  if (window.uPlot) {
    const equity = series.equity;
    curves.time = decoded(equity.time);
    curves.equity = decoded(equity.equity);
    curves.k = decoded(equity.k);
    curves.e = decoded(equity.e);
    let peak = -Infinity;
    curves.below = curves.equity.map((each) => {
      peak = Math.max(peak, each);
      return peak > 0 ? Math.min(0, each / peak - 1) : null;
    });
    curves.prices = series.prices.map((each) => ({ time: decoded(each.time), price: decoded(each.price), digits: each.price.d }));
  }

  // Entry: a triangle that points the way of the trade. Exit: a ring. Blue won, vermilion lost.
  const marks = (symbol) => (u) => {
    const { ctx, bbox } = u, { min, max } = u.scales.x, ratio = devicePixelRatio;
    const rows = [];
    for (let row = 0; row < trades.number.length; row++) {
      const end = trades.exit_time[row] ?? trades.entry_time[row];
      if (trades.symbol[row] === symbol && end >= min && trades.entry_time[row] <= max) rows.push(row);
    }
    const size = (rows.length > 400 ? 2.6 : rows.length > 120 ? 3.6 : 5.4) * ratio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const row of rows) {
      const tone = trades.net[row] >= 0 ? colour("--up") : colour("--down");
      const x = u.valToPos(trades.entry_time[row], "x", true), y = u.valToPos(trades.entry[row], "y", true);
      const way = trades.side[row] ? -1 : 1;
      ctx.strokeStyle = ctx.fillStyle = tone;
      ctx.lineWidth = 1.4 * ratio;
      if (trades.exit[row] !== null) {
        const out = u.valToPos(trades.exit_time[row], "x", true), level = u.valToPos(trades.exit[row], "y", true);
        if (rows.length <= 120) {
          ctx.globalAlpha = 0.55;
          ctx.setLineDash([3 * ratio, 3 * ratio]);
          ctx.beginPath();
          ctx.moveTo(x, y);
          ctx.lineTo(out, level);
          ctx.stroke();
          ctx.setLineDash([]);
          ctx.globalAlpha = 1;
        }
        ctx.beginPath();
        ctx.arc(out, level, size * 0.7, 0, 2 * Math.PI);
        ctx.stroke();
      }
      ctx.beginPath();
      ctx.moveTo(x, y + way * size);
      ctx.lineTo(x - size, y - way * size * 0.75);
      ctx.lineTo(x + size, y - way * size * 0.75);
      ctx.closePath();
      ctx.fill();
    }
    ctx.restore();
  };

  const line = (name, more) => ({ stroke: colour(name), width: 1.6, points: { show: false }, ...more });
  const base = (level) => (u) => {
    const y = u.valToPos(level, "y", true), { ctx, bbox } = u;
    if (y < bbox.top || y > bbox.top + bbox.height) return;
    ctx.save();
    ctx.strokeStyle = colour("--soft");
    ctx.setLineDash([4, 5]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  };
  const kinds = {
    equity: (figure) => {
      const fill = `rgba(${colour("--up-fill")},.09)`, digits = series.digits;
      chart(figure, [curves.time, curves.equity], [line("--k", { fill, fillTo: (u) => u.scales.y.min })], {
        draw: base(series.capital), say: (at) => amount(curves.equity[at], digits),
        rest: `from ${amount(series.capital, digits)} to ${amount(curves.equity.at(-1), digits)}`,
      });
    },
    drawdown: (figure) => {
      chart(figure, [curves.time, curves.below], [line("--down", { fill: `rgba(${colour("--down-fill")},.22)`, fillTo: 0 })], {
        percent: true, range: (_, low) => [Math.min(low * 1.08, -0.001), 0],
        say: (at) => (curves.below[at] === null ? "\u2013" : `${amount(curves.below[at] * 100, 2)} %`), rest: figure.dataset.rest,
      });
    },
    accounts: (figure) => {
      const digits = series.digits, there = curves.e.some((each) => each !== null);
      const lines = [line("--k"), line("--e", { dash: [7, 5] })];
      chart(figure, [curves.time, curves.k, curves.e], lines, {
        say: (at) => `K ${amount(curves.k[at], digits)}` + (there && curves.e[at] !== null
          ? ` \u00b7 E ${amount(curves.e[at], digits)}` : ""),
      });
    },
    price: (figure) => {
      const symbol = Number(figure.dataset.symbol), each = curves.prices[symbol];
      chart(figure, [each.time, each.price], [line("--price", { width: 1.2 })], {
        draw: marks(symbol), say: (at) => amount(each.price[at], each.digits),
      });
    },
  };
  function draw() {
    if (!window.uPlot) return;
    for (const plot of plots.splice(0)) plot.destroy();
    for (const figure of document.querySelectorAll("figure[data-chart]")) kinds[figure.dataset.chart](figure);
    root.dataset.drawn = String(plots.length);
  }
  for (const reset of document.querySelectorAll("button.reset")) {
    reset.addEventListener("click", () => zoom(null, null));
  }
  for (const hint of document.querySelectorAll(".hint")) hint.hidden = !window.uPlot;
  // Paper is light, whatever the screen is.
  let before;
  addEventListener("beforeprint", () => { before = root.dataset.theme; root.dataset.theme = "light"; draw(); });
  addEventListener("afterprint", () => {
    if (before) root.dataset.theme = before; else delete root.dataset.theme;
    draw();
  });
  draw();
})();
