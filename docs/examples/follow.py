"""Keeps a copy of the view attempt in a SQLite file: python3 follow.py http://127.0.0.1:3000 copy.db [SECONDS]

Run it from cron, or give the seconds between two pulls. Rows and token are committed together, so after any
interruption the next run continues where this one stopped. An API key is read from ATTEMPT_API_KEY. Requires Python's
standard library only.
"""
import http.client, json, os, shutil, sqlite3, sys, tempfile, time, urllib.error, urllib.request

COLUMNS = '''id student_id item_id correct response_time_ms hint_used completed_at started_at attempt_no session_id
             topic_id'''.split()
KEY = 'student_id = :student_id and item_id = :item_id and attempt_no = :attempt_no'
VALUES = ', '.join(f':{name}' for name in COLUMNS)
UPSERT = f'insert or replace into attempt ({", ".join(COLUMNS)}) values ({VALUES})'

def get(path):
    key = os.environ.get('ATTEMPT_API_KEY')
    headers = {'Authorization': f'Bearer {key}'} if key else {}
    return urllib.request.urlopen(urllib.request.Request(service + path, headers=headers), timeout=300)

def numbers(row):
    """64-bit integers are strings in JSON. SQLite's integers have 64 bits."""
    return {**row, 'item_id': int(row['item_id']), 'id': row['id'] and int(row['id'])}

def begin():
    """First a token, then a full export. Changes between the two come after the token, and may be in both."""
    start = get('/v1/changes')
    while True:
        with get('/v1/attempts?source=store&format=ndjson') as answer, tempfile.TemporaryFile() as rows:
            if int(answer.headers['Attempt-Version']) < int(start.headers['Attempt-Version']):
                time.sleep(1)  # from a standby that is behind: its missing rows would never be in the feed
                continue
            # raises if the stream is aborted; reading line by line would end as if it were complete
            shutil.copyfileobj(answer, rows)
            rows.seek(0)
            db.execute('delete from attempt')
            db.executemany(UPSERT, (numbers(json.loads(row)) for row in rows))
            return json.load(start)['next_token']

def step(token):
    """Applies one page. Returns the next token, and whether there is more already."""
    page = json.load(get(f'/v1/changes?limit=10000&since={token}'))
    for row in map(numbers, page['data']):
        db.execute(UPSERT if row['op'] == 'upsert' else f'delete from attempt where {KEY}', row)
    return page['next_token'], page['has_more']

service, file, pause = sys.argv[1], sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else None
db = sqlite3.connect(file)
db.execute(f'create table if not exists attempt ({", ".join(COLUMNS)}, primary key (student_id, item_id, attempt_no))')
db.execute('''create table if not exists follower (
    only_row integer primary key check (only_row = 1), token text not null)''')
while True:
    try:
        with db:  # one transaction: rows and token, or neither
            known = db.execute('select token from follower').fetchone()
            token, more = step(known[0]) if known else (begin(), True)
            db.execute('insert or replace into follower values (1, ?)', (token,))
    except urllib.error.HTTPError as error:
        print(f'{error.code} {error.read().decode(errors="replace")[:500]}', file=sys.stderr)
        if error.code == 410:  # rebuilt, restored, or the token is too old: start over
            with db: db.execute('delete from follower')
        elif error.code in (429, 502, 503, 504): time.sleep(5)  # filling, busy, or unreachable behind a proxy: retry
        else: sys.exit(1)
        continue
    except (OSError, http.client.HTTPException) as error:  # refused, reset or aborted: nothing was committed
        print(f'{type(error).__name__}: {error}', file=sys.stderr)
        time.sleep(5)
        continue
    if more: continue
    if pause is None: break
    time.sleep(pause)
print(db.execute('select count(*) from attempt').fetchone()[0], 'attempts')
