# SPDX-License-Identifier: Apache-2.0
"""Line charts as SVG, written by hand: no library needed, and a diff of a chart can be read."""

import math
from xml.sax.saxutils import escape

COLOURS = ["#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce", "#334155", "#db2777", "#0f766e", "#a16207"]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 440, 64, 168, 44, 56


def short(value, space=""):
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{space}{unit}"
    return f"{value:g}{space}"


def log_ticks(low, high):
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [m * 10.0 ** e for e in powers for m in (1, 2, 5) if low <= m * 10.0 ** e <= high]


def even_ticks(low, high):
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= 6)
    first = math.ceil(low / step)
    return [round(i * step, 10) for i in range(first, math.floor(high / step) + 1)]


def chart(path, title, x_label, y_label, series):
    """series: [(name, [(x, y), …], dashed)]; x logarithmic, y even."""
    xs = [x for _, points, _ in series for x, _ in points]
    ys = [y for _, points, _ in series for _, y in points]
    x0, x1 = min(xs) / 1.15, max(xs) * 1.15
    margin = (max(ys) - min(ys)) * 0.08 or 0.1
    y0, y1 = min(ys) - margin, max(ys) + margin
    at_x = lambda x: LEFT + (math.log(x) - math.log(x0)) / (math.log(x1) - math.log(x0)) * (WIDTH - LEFT - RIGHT)
    at_y = lambda y: HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="24" font-size="15">{escape(title)}</text>']
    for x in log_ticks(x0, x1):
        out.append(f'<path d="M{at_x(x):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e2e8f0"/>'
                   f'<text x="{at_x(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(x)}</text>')
    for y in even_ticks(y0, y1):
        out.append(f'<path d="M{LEFT} {at_y(y):.1f}H{WIDTH - RIGHT}" stroke="#e2e8f0"/>'
                   f'<text x="{LEFT - 8}" y="{at_y(y) + 4:.1f}" text-anchor="end">{y:g}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_label)}</text>')
    out.append(f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>')
    for i, (name, points, dashed) in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        places = [f"{at_x(x):.1f} {at_y(y):.1f}" for x, y in sorted(points)]
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        out.append(f'<path d="M{"L".join(places)}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if not dashed:
            out += [f'<circle cx="{p.split()[0]}" cy="{p.split()[1]}" r="3.5" fill="{colour}"/>' for p in places]
        out.append(f'<path d="M{WIDTH - RIGHT + 12} {TOP + 12 + 18 * i}h18" stroke="{colour}" stroke-width="2"{dash}/>'
                   f'<text x="{WIDTH - RIGHT + 36}" y="{TOP + 16 + 18 * i}">{escape(name)}</text>')
    with open(path, "w") as f:
        f.write("\n".join(out + ["</svg>", ""]))
