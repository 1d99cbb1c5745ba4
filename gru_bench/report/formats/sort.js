// Sorts a table by the column whose heading is clicked; without this script it stays as it is.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort by this column";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => compare(text(a, column), text(b, column)));
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}

function text(row, column) {
  return row.cells[column].textContent.trim();
}

function compare(a, b) {
  const [x, y] = [number(a), number(b)];
  if (Number.isNaN(x) && Number.isNaN(y)) return a.localeCompare(b);
  return Number.isNaN(x) ? 1 : Number.isNaN(y) ? -1 : x === y ? 0 : x - y;
}

function number(entry) {
  if (entry.startsWith("not reached") || entry.startsWith("∞")) return Infinity;
  return parseFloat(entry.replace(/[,<]/g, "").replace("−", "-"));
}
