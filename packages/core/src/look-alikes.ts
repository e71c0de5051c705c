/**
 * Letters of other scripts, and rare Latin ones, that look like Latin letters. Digits and symbols are not folded. Upper
 * and lower case are listed apart where they look like different letters (Greek Η is an H, η an n).
 * @see Unicode UTS #39, confusables: the table has those that people read as a Latin letter at a glance
 */
const table: Readonly<Record<string, string>> = {
  a: 'аɑαАΑᴀꭺᗅ∀Ꭺ',
  b: 'ВвΒЬЪʙᏴᗷꞴɓƀ',
  c: 'сСϲϹᴄⅭⲤⲥꮯᏟ',
  d: 'ԁԀᴅᎠᗞđɗ',
  e: 'еЕεΕҽɛєЄᴇℯɘəᎬꭼ',
  f: 'ƒϜғꜰᖴ',
  g: 'ɡԌɢᏀց',
  h: 'һҺнНΗʜհᎻᕼℎħꮋ',
  i: 'іιıɩɪᎥⅰ',
  j: 'јЈϳյᴊᒍ',
  k: 'кКκΚᴋᏦ',
  l: 'ʟⅬᏞᒪł',
  m: 'мМΜᴍᎷᗰ',
  n: 'ηΝпПɴոռ',
  o: 'оОοΟᴏօσѳѲø',
  p: 'рРρΡᴘᏢᑭ',
  q: 'ԛԚգ',
  r: 'гГʀᏒᖇг',
  s: 'ѕЅꜱᏚՏꮪ',
  t: 'тТτΤᴛᎢꭲŧ',
  u: 'υսᴜՍ',
  v: 'νѵѴᴠᏙ',
  w: 'ԝԜωᴡᎳ',
  x: 'хХχΧᕁ',
  y: 'уУүҮγΥʏᎩ',
  z: 'ᴢΖᏃ',
};

/** The one form of all letters that are drawn as one upright stroke, and read as an i or as an l. */
export const stroke = '\u04CF';
const strokes = '\u04C0\u0406\u0399\u01C0';

/** The A of regional indicators, and of negative circled and squared letters: these have no decomposition. */
const alphabets = [0x1_f1_e6, 0x1_f1_50, 0x1_f1_70];

/** Look-alike → Latin letter in lower case, or {@link stroke}. */
export const lookAlikes: ReadonlyMap<string, string> = new Map([
  ...Object.entries(table).flatMap(([latin, others]) => Array.from(others, (other) => [other, latin] as const)),
  ...Array.from(strokes, (other) => [other, stroke] as const),
  ...alphabets.flatMap((first) =>
    Array.from('abcdefghijklmnopqrstuvwxyz', (latin, index) => [String.fromCodePoint(first + index), latin] as const),
  ),
]);
