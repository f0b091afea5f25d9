import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, ChevronsUpDown } from "lucide-react";
import { type ReactNode, useDeferredValue, useMemo, useRef, useState } from "react";
import { wholeText } from "../format/amounts.js";
import { type CellValue, filtered, type Order, sorted } from "../format/rows.js";
import { Empty } from "./states.js";

export interface Column<T> {
  readonly id: string;
  readonly title: string;
  /** What it is ordered and searched by, and shown as where there is no `cell`. */
  readonly value: (row: T) => CellValue;
  readonly cell?: (row: T) => ReactNode;
  readonly align?: "right";
  /** Shown only where there is room. */
  readonly wide?: boolean;
  /** What can be done with a row: it stays in sight, however wide the rest is. */
  readonly unsorted?: boolean;
}

interface DataTableProps<T> {
  /** What it lists, for those who hear it. */
  readonly label: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly idOf: (row: T) => string;
  readonly order?: Order;
  /** What the search box says while it is empty; absent = no search. */
  readonly search?: string;
  readonly tools?: ReactNode;
  readonly empty?: ReactNode;
}

const ROW_PX = 45;
const OVERSCAN_ROWS = 12;

/** A list that can be ordered and searched. Only the rows that are seen are in the document, so that 10,000 are no more than 30. */
export function DataTable<T>(props: DataTableProps<T>): ReactNode {
  const { label, rows, columns, idOf, search, tools } = props;
  const [order, setOrder] = useState<Order | undefined>(props.order);
  const [words, setWords] = useState("");
  const shown = useShown(rows, columns, useDeferredValue(words), order);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN_ROWS,
  });
  const items = virtual.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div className="table-box">
      {search === undefined && tools === undefined ? null : (
        <div className="table-tools">
          {search === undefined ? null : (
            <input
              type="search"
              placeholder={search}
              aria-label={`Search: ${label}`}
              value={words}
              onChange={(event) => setWords(event.target.value)}
            />
          )}
          {tools}
          <span className="muted table-count" role="status">
            {shown.length === rows.length
              ? wholeText(rows.length)
              : `${wholeText(shown.length)} of ${wholeText(rows.length)}`}
          </span>
        </div>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <section className="table-scroll" ref={scroller} tabIndex={0} aria-label={label}>
        <table aria-rowcount={shown.length + 1}>
          <HeadRow columns={columns} order={order} onOrder={setOrder} />
          <tbody>
            <Spacer height={above} span={columns.length} />
            {items.map((item) => {
              const row = shown[item.index];
              if (row === undefined) return null;
              return (
                <tr key={idOf(row)} aria-rowindex={item.index + 2}>
                  {columns.map((column) => (
                    <td key={column.id} className={cellClass(column)}>
                      {column.cell === undefined ? (column.value(row) ?? "–") : column.cell(row)}
                    </td>
                  ))}
                </tr>
              );
            })}
            <Spacer height={below} span={columns.length} />
          </tbody>
        </table>
        {shown.length > 0
          ? null
          : (rows.length === 0 && props.empty) || (
              <Empty title={rows.length === 0 ? "Nothing yet" : "Nothing matches"} />
            )}
      </section>
    </div>
  );
}

const cellClass = <T,>({ align, wide, unsorted }: Column<T>): string =>
  [align === "right" ? "right" : "", wide ? "wide" : "", unsorted ? "pinned" : ""].filter(Boolean).join(" ");

function useShown<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  words: string,
  order: Order | undefined,
): readonly T[] {
  const found = useMemo(
    () => filtered(rows, (row) => columns.map(({ value }) => value(row) ?? "").join(" "), words),
    [rows, columns, words],
  );
  return useMemo(() => {
    const by = columns.find(({ id }) => id === order?.column);
    return by === undefined || order === undefined ? found : sorted(found, by.value, order.descending);
  }, [found, columns, order]);
}

function Spacer({ height, span }: { readonly height: number; readonly span: number }): ReactNode {
  if (height <= 0) return null;
  return (
    <tr className="spacer">
      <td colSpan={span} style={{ height }} />
    </tr>
  );
}

interface HeadRowProps<T> {
  readonly columns: readonly Column<T>[];
  readonly order: Order | undefined;
  readonly onOrder: (order: Order) => void;
}

function HeadRow<T>({ columns, order, onOrder }: HeadRowProps<T>): ReactNode {
  return (
    <thead>
      <tr aria-rowindex={1}>
        {columns.map((column) => (
          <HeadCell
            key={column.id}
            column={column}
            by={order?.column === column.id ? order : undefined}
            onOrder={onOrder}
          />
        ))}
      </tr>
    </thead>
  );
}

interface HeadCellProps<T> {
  readonly column: Column<T>;
  /** The order, where it is this column's. */
  readonly by: Order | undefined;
  readonly onOrder: (order: Order) => void;
}

function HeadCell<T>({ column, by, onOrder }: HeadCellProps<T>): ReactNode {
  const { id, title, align, unsorted } = column;
  if (unsorted) {
    return (
      <th scope="col" className={cellClass(column)}>
        {title === "" ? <span className="hidden">Actions</span> : title}
      </th>
    );
  }
  const direction = by === undefined ? undefined : by.descending ? "descending" : "ascending";
  const Icon = direction === undefined ? ChevronsUpDown : direction === "descending" ? ArrowDown : ArrowUp;
  // Of numbers the largest are looked for first.
  const descending = by === undefined ? align === "right" : !by.descending;
  return (
    <th scope="col" className={cellClass(column)} aria-sort={direction}>
      <button type="button" className="sort" onClick={() => onOrder({ column: id, descending })}>
        {title}
        <Icon aria-hidden="true" className={by === undefined ? "faint" : ""} />
      </button>
    </th>
  );
}
