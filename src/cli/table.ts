// Tables for people: columns as wide as their widest cell, two spaces apart.

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const titles = columns.map(({ title }) => title)
  const widths = columns.map((_, at) =>
    Math.max(...[titles, ...rows].map((row) => (row[at] ?? '').length)),
  )
  return [titles, ...rows].map((row) => formatRow(row, { columns, widths }))
}

function formatRow(
  row: readonly string[],
  { columns, widths }: { columns: readonly Column[]; widths: readonly number[] },
): string {
  const cells = columns.map(({ align }, at) => {
    const cell = row[at] ?? ''
    const width = widths[at] ?? 0
    return align === 'right' ? cell.padStart(width) : cell.padEnd(width)
  })
  return cells.join('  ').trimEnd()
}
