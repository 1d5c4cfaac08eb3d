/** Texts of many shapes: lengths, forms, blanks, scripts, control characters. Each is one shape, not a combination. */
import { pick, seededRandom } from './generated-case.js'

const ascii = [...' abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:'] as [string, ...string[]]
// with a combining accent, a ligature and a blank that normalisation changes
const mixed = [...ascii, ...'äÖéßñЖяΩאبह中あ한\u0301ﬁ\u00a0@| '] as [string, ...string[]]
// around powers of two and ten, and the limits of common column types
const lengths = [
  ...Array.from({ length: 72 }, (_, at) => at + 1),
  ...[
    75, 80, 90, 99, 100, 101, 120, 127, 128, 129, 150, 180, 199, 200, 201, 220, 254, 255, 256, 257, 300, 400, 499, 500,
  ],
  ...[501, 512, 600, 700, 800, 900, 999, 1000, 1001, 1023, 1024, 1025, 1500, 2000, 2048, 3000, 4000, 4096, 5000, 8191],
  ...[8192, 9000],
]
/** Blanks, cases, accents at both ends, so that a function which cuts, trims or rewrites it changes it. */
const framed = (text: string, at: number) => {
  const [head, tail] = [['', ' ', 'É', '\t'][at % 4] ?? '', ['b', '\u00a0', ' ', 'Z', 'é'][at % 5] ?? '']
  return head + text.slice(head.length, -1) + tail
}

function lengthShapes(): string[] {
  const random = seededRandom(20261201)
  const textOf = (length: number, alphabet: readonly [string, ...string[]]) =>
    Array.from({ length }, () => pick(random, alphabet)).join('')
  // in every second one bytes and characters differ
  return lengths.map((length, at) => framed(textOf(length, at % 2 === 0 ? ascii : mixed), at))
}

const uuid = '3f2a9c04-8b1d-4e6f-a7c5-d01234e56789'
// prettier-ignore
const forms = [
  uuid, uuid.toUpperCase(), uuid.replaceAll('-', ''), `{${uuid}}`, `urn:uuid:${uuid}`, `user-${uuid}`, `${uuid}:1`,
  '3f2a9c04-8B1D-4e6f-A7C5-d01234e56789', '00000000-0000-0000-0000-000000000000', uuid.replace('3', 'g'),
  'ada@example.com', 'Ada.Lovelace+Test@Example.CO.UK', 'a@b', '"quoted name"@example.org', 'mailto:x@example.com',
  'https://example.com/a?b=c&d=%20e#f', 'HTTP://EXAMPLE.COM/', 'ftp://h/p', '/var/lib/x', 'C:\\dir\\f', '../x',
  'a/b/c', 'www.example.com', 'data:text/plain,x', '//host/path', 'sso|12345', 'auth0|5f7c8ec7', 'google-oauth2|1',
  'did:web:x', '{"a": 1}', '[1,2]', '"text"', '{}', '[]', '<b>bold</b>', '&amp;', '<!-- x -->', '${x}', '{{x}}',
  '$1', '%s', '%(x)s', "o'neil", "''", '""', '`x`', '%', '_', '%_%', '\\', '\\n', '\\\\x', 'a\\%b',
  "'; drop table x; --", '--', '/* x */', '--x', '123', '007', '0000000000', '12345678901234567890', '-5', '+5',
  '1.5', '1e5', '0x1F', '1,234', '1 234', '½', '٣٤', '１２３', '2026-01-01', '2026-01-01T10:00:00Z', '10:30',
  '01/02/2026', '2026-W05', '2026', 'infinity', 'now', 'today', 'epoch', 'a-b', 'a_b', 'a.b', 'a:b', 'a;b', 'a,b',
  'a|b', 'a/b', 'a b', 'a  b', 'a\tb', 'a\nb', 'a=b', 'a+b', 'a&b', 'a#b', 'a*b', '(a)', '[a]', '<a>', 'a0', 'a1',
  'a-1', 'camelCaseName', 'PascalCase', 'snake_case', 'kebab-case', 'UPPER CASE', 'lower case', 'Title Case',
  'mIxEd', 'ABC', 'Ab', 'test_1', 'test-1', 'Test user', 'demo:2', 'tmp_9', 'temp-x', 'exp_a', 'anon_7', 'sess_1',
  'session-1', 'S1', 's:1', 'u1', 'user:1', 'usr_1', 'student-1', 'stu_2', 'org1:x', 'import:5', 'legacy-9', 'old_3',
  'v2:7', 'dev-1', 'qa_1', 'mock-1', 'algebra.linear', 'Algebra/Linear', 'algebra > linear', 'Algebra (basic)',
  'algebra:1', 'Algebra & more', '1. Algebra', 'aaaa', 'abba', 'abcabc', 'null', 'NULL', 'Null', 'undefined', 'NaN',
  'None', 'nil', 'N/A', '-', '--', '?', '...', '0', '00', 'TVRJek5EVTI=', 'eyJhbGciOi.x.y', 'sha256:ab12', '#1',
  'No. 5', '100%', '5€', '$5', '§ 1', '1st', 'Q1', 'A1', 'IV', 'x²',
]

// and long texts of one kind of character
const longForms = [
  'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  'abcdefghijklmnopqrstuvwxyz',
  '0123456789',
  '9f86d081884c',
  'A b ',
  '-_',
]
  .map((part) => part.repeat(30).slice(0, 64))
  .concat('TG9yZW0gaXBzdW0gZG9sb3I'.repeat(4))

// every character of Unicode's White_Space, and invisible ones that look like it
const blanks = [
  ...' \t\n\v\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f',
  ...'\u205f\u3000\u180e\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u2800\u3164',
]
const blankShapes = [
  // leading, doubled, inside and trailing at once: whichever is changed shows
  ...blanks.flatMap((blank) => [`${blank}A${blank}${blank}b${blank}C${blank}`, blank]),
  ...['  ', ' \t ', '\r\n', 'Line one\r\nLine two', 'x \n', '\n\nx', ' \u00a0 '],
]

// prettier-ignore
const scripts = [
  'Größe Straße', 'GROSSE STRASSE', 'ÀÉÎÕÜ çñåø', 'Ȁ ǅ ŉ ĳ ﬁ ſ K Å', 'İstanbul ıI', 'Žluťoučký kůň', 'Łódź', 'Ðþæ',
  'Việt Nam', 'e\u0301te\u0301', '\u00e9t\u00e9', 'A\u030a', 'o\u0302\u0323', 'q\u0307\u0323', 'ﬃ', 'Ⅷ', '①', '㎏',
  'ｶﾞ', 'ＡＢＣ', '𝐀𝒷', 'ª', '™', 'Привет, Мир', 'ПРИВЕТ', 'Ёлка й', 'Україна ї', 'Српски Љ', 'Καλημέρα Κόσμε',
  'ΣΊΣΥΦΟΣ ς', 'Ὀδυσσεύς', 'Հայերեն', 'ქართული Ქ', 'مرحبا بالعالم', 'العَرَبِيَّة', 'فارسی کیک', 'שלום עולם',
  'שָׁלוֹם', '\u200fRTL\u200e', '\u202eabc\u202c', '\u2067x\u2069', 'ܫܠܡܐ', 'ދިވެހި', '中文測試', '简体中文', '日本語テスト',
  'ひらがな', 'カタカナ', 'ﾊﾝｶｸ', '한국어 시험', '\u1112\u1161\u11ab', '𠮷野家', '々〆ヶ', '（全角）', '。、', 'ทดสอบ ไทย', 'ພາສາລາວ',
  'हिन्दी परीक्षा', 'বাংলা', 'தமிழ்', 'తెలుగు', 'ಕನ್ನಡ', 'മലയാളം', 'සිංහල', 'ខ្មែរ', 'မြန်မာ', 'བོད་', 'አማርኛ', 'Ꭰꮳ',
  '😀', '👩‍👩‍👧‍👦', '🏳️‍🌈', '👍🏽', '🇩🇪', '1️⃣', '❤️ x', '🧮 Algebra', '\u{1f600}\u{1f600}', '\ufffd', '\u{10ffff}',
  '\ue000', '\ufffe', '∑∫√', '→', '…', '“x”', '–', '—', '‐', '−1', '’', '•', '×', '÷', '±', '°', 'µ', 'Ω', 'ﷺ',
  '\u0300', '\u0301x', 'Z͑ͫa͛l', 'ß', 'ẞ', 'ı', 'ſ', 'ŉ', 'ǰ', 'Ⓐ', '㍿', '㈱',
]

// all but NUL, which PostgreSQL cannot store
const controls = [
  ...Array.from({ length: 31 }, (_, at) => `c${String.fromCharCode(at + 1)}C`),
  ...['\u0001', '\u001b[0m', 'c\u007fC', '\u0080', 'c\u0090C', 'c\u009fC'],
]

const unique = (texts: readonly string[]) => [...new Set(texts)]

// and long texts of one script
const longScripts = [...'éßſİﬁЖΩאم中あ한ทह😀'].map((letter) => `${letter.repeat(150)} É ${letter}`)

/** Each printable ASCII character, and letters of many scripts, at both ends. */
const affixShapes = [
  ...Array.from({ length: 95 }, (_, at) => String.fromCharCode(at + 32)),
  ...'ÀÉéßñŁİıſЖпЯΑασאמשمع中文あカ한글ทหहक😀🧮ﬁ①½',
].map((end) => `${end}éX b-1@Y/z ${end}`)

export interface TextShapes {
  affixes: string[]
  lengths: string[]
  forms: string[]
  blanks: string[]
  scripts: string[]
  controls: string[]
}

export const textShapes = (): TextShapes => ({
  affixes: unique(affixShapes),
  lengths: unique(lengthShapes()),
  forms: unique([...forms, ...longForms]),
  blanks: unique(blankShapes),
  scripts: unique([...scripts, ...longScripts]),
  controls: unique(controls),
})
