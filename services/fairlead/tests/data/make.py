"""Writes the files beside it, as pandas, Arrow, DuckDB and Excel's format write them.

Run it after a change: python make.py (pip install pandas pyarrow duckdb openpyxl zstandard). The tests read the files.
"""

import datetime as dt
import gzip

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

BORN = dt.datetime(1990, 5, 17)
# Facts may be of any age: the tests do not depend on when they run.
HELD = dt.datetime(2025, 1, 31, 8, 0, 0, 123000)


def times():
    """One file with a fact's time and a birth date in each way that Parquet writes a time."""
    for name, unit, zone, old in [
        ("ms", "ms", None, False), ("us", "us", None, False), ("ns", "ns", None, False),
        ("int96", "ns", None, True), ("nstz", "ns", "UTC", False),
    ]:
        kind = pa.timestamp(unit, zone)
        table = pa.table({
            "customer_id": [name], "birth_date_ms": pa.array([BORN], kind), "event_time_ms": pa.array([HELD], kind),
        })
        pq.write_table(table, f"times-{name}.parquet", use_deprecated_int96_timestamps=old)


def ids():
    """Ids of every type, right and wrong ones."""
    frame = pd.DataFrame({
        "customer_id": [880011.0, np.nan, 880012.0], "region": [310000.0, 110000.0, np.nan],
        "income_monthly_minor": [1200000.0, 5.0, 7.0],
    })
    frame.to_parquet("ids-float.parquet", index=False)
    duckdb.sql("copy (select '3f2c9a10-5b7e-4c1d-9a3e-0a1b2c3d4e5f'::uuid as customer_id, '310000' as region)"
               " to 'ids-uuid.parquet' (format parquet)")
    duckdb.sql("copy (select 12345678901234567890123456789::hugeint as customer_id, '310000' as region)"
               " to 'ids-hugeint.parquet' (format parquet)")
    duckdb.sql("copy (select 990011::decimal(18,0) as customer_id, 310000::uinteger as region,"
               " 1200000.00::decimal(18,2) as income_monthly_minor) to 'ids-decimal.parquet' (format parquet)")
    table = pa.table({
        "customer_id": pa.array(["d1", "d2"]).dictionary_encode(), "region": pa.array(["310000", "NULL"]),
        "gender": pa.array([" F ", "N/A"]), "note": pa.array([b"\xff", None], pa.binary()),
    })
    pq.write_table(table, "ids-dictionary.parquet")


def clocks():
    """Times of day in every unit; a time of day is no id."""
    at = dt.time(8, 30)
    table = pa.table({
        "customer_id": ["t1"], "kind": ["app_opened"],
        "attributes.ms": pa.array([at], pa.time32("ms")), "attributes.us": pa.array([at], pa.time64("us")),
        "attributes.ns": pa.array([at], pa.time64("ns")),
    })
    pq.write_table(table, "clocks.parquet")
    pq.write_table(table.rename_columns(["note", "kind", "customer_id", "a", "b"]), "clock-ids.parquet")


def nested():
    """Events with a struct and a map."""
    table = pa.table({
        "customer_id": ["n1", "n2"], "kind": ["holding_opened", "wink"], "product_id": ["P", "P"],
        "amount": pa.array([{"minor": 100000, "currency": "CNY"}, None],
                           pa.struct([("minor", pa.int64()), ("currency", pa.string())])),
        "attributes": pa.array([[("colour", "red")], [("colour", "blue")]], pa.map_(pa.string(), pa.string())),
    })
    pq.write_table(table, "nested.parquet")


def workbook():
    """A workbook whose second sheet has a title above nothing, dates, and an id that lost its digits."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "customers"
    sheet.append(["Kundennr.", "birth_date_ms", "income_monthly_minor", "region", "consent.personalisation"])
    sheet.append([880011, dt.date(1990, 5, 17), 1200000, "310000", True])
    sheet.append([12345678901234567890, dt.date(1990, 5, 17), 1, "310000", False])
    sheet.append([None, None, None, None, None])
    sheet.append(["00880012", dt.datetime(1990, 5, 17, 8, 30), 1, "310000", False])
    book.create_sheet("other").append(["nothing"])
    book.save("customers.xlsx")


def packed():
    """JSON and CSV, packed."""
    rows = b'[{"customer_id":"z1","region":"310000"},\n {"customer_id":"z2","region":310000}]\n'
    with open("rows.json.gz", "wb") as file:
        file.write(gzip.compress(rows, mtime=0))
    with open("rows.csv.zst", "wb") as file:
        file.write(zstandard.compress(b"customer_id,region\nz3,310000\n"))


for make in (times, ids, clocks, nested, workbook, packed):
    make()
