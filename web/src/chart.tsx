// A line over time.
import type { JSX } from "preact";
import { number } from "./format";

const WIDTH = 600;
const HEIGHT = 120;

/** `points` are evenly spaced, the newest last. */
export function Chart({ title, points, unit, span }: { title: string; points: readonly number[]; unit: string; span: string }): JSX.Element {
  const most = Math.max(...points, 1);
  const last = points.at(-1) ?? 0;
  const at = (value: number, index: number): string => {
    const x = points.length > 1 ? (index / (points.length - 1)) * WIDTH : WIDTH;
    return `${x.toFixed(1)},${(HEIGHT - 4 - (value / most) * (HEIGHT - 12)).toFixed(1)}`;
  };
  const line = points.map(at).join(" ");
  return (
    <figure class="panel chart">
      <div class="body">
        <div class="row between">
          <h2>{title}</h2>
          <strong class="number">{number(last)} <span class="muted">{unit}</span></strong>
        </div>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${title}: ${number(last)} ${unit} now, at most ${number(most)} in ${span}`}>
          <line class="axis" x1="0" x2={WIDTH} y1={HEIGHT - 4} y2={HEIGHT - 4} />
          <line class="axis" x1="0" x2={WIDTH} y1="8" y2="8" />
          {points.length > 1 && <polygon class="area" points={`0,${HEIGHT - 4} ${line} ${WIDTH},${HEIGHT - 4}`} />}
          {points.length > 1 && <polyline class="line" points={line} />}
        </svg>
        <figcaption><span>last {span}</span><span>highest {number(most)} {unit}</span></figcaption>
      </div>
    </figure>
  );
}
