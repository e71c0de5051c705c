import { readConfig } from '@prosemill/core';
import { describe, expect, it } from 'vitest';
import { apiConfigSchema } from './config.ts';

const read = (environment: Record<string, string>) => readConfig(apiConfigSchema, environment);

describe('a variable', () => {
  it('counts as not set when it is empty', () => {
    const empty = Object.fromEntries(Object.keys(apiConfigSchema.shape).map((name) => [name, '']));
    expect(read(empty)).toEqual(read({}));
  });

  it.each(Object.keys(apiConfigSchema.shape))('%s of blanks is refused with its name', (name) => {
    for (const blanks of [' ', '\t', '\r\n', '\u00A0', '\u200B']) {
      expect(() => read({ [name]: blanks })).toThrow(`- ${name}: holds only blanks`);
    }
  });

  it.each(['"8000"', "'8000'", ' "8000"', '“8000”'])('with quotes around it is refused (%s)', (text) => {
    expect(() => read({ PORT: text })).toThrow('- PORT: has quotes around it');
  });

  it.each(['0x10', '1e3', '+5', '1_000', '1.', ' 5 ', 'Infinity', '80.5', '-1', '65536', '08000', 'tcp://10.0.0.1:80'])(
    'that is no whole number is refused (PORT=%s)',
    (text) => {
      expect(() => read({ PORT: text })).toThrow('- PORT: must be a whole number from 0 to 65535, in digits alone');
    },
  );

  it.each([
    [{ FORBIDDEN_WORDS: ' , ,' }, 'FORBIDDEN_WORDS'],
    [{ CORS_ORIGINS: ',' }, 'CORS_ORIGINS'],
    [{ TRUSTED_PROXIES: ' 1' }, 'TRUSTED_PROXIES'],
    [{ TRUSTED_PROXIES: '01' }, 'TRUSTED_PROXIES'],
    [{ LOG_LEVEL: 'info ' }, 'LOG_LEVEL'],
    [{ LOG_PRETTY: 'maybe' }, 'LOG_PRETTY'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' http://127.0.0.1:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    [{ HOST: '127.0.0.1:8000' }, 'HOST'],
    [{ NODE_ENV: 'production\r' }, 'NODE_ENV'],
  ])('with a wrong value is refused with its name (%j)', (environment, name) => {
    expect(() => read(environment)).toThrow(`- ${name}: `);
  });

  it('may be written in several ways', () => {
    const environment = {
      PORT: '0',
      HOST: '[::1]',
      FORBIDDEN_WORDS: ' a , b,',
      TRUSTED_PROXIES: '2',
      LOG_PRETTY: 'true',
    };
    const expected = { PORT: 0, HOST: '::1', FORBIDDEN_WORDS: ['a', 'b'], TRUSTED_PROXIES: 2, LOG_PRETTY: true };
    expect(read(environment)).toMatchObject(expected);
  });

  it('is reported with all other wrong ones', () => {
    expect(() => read({ PORT: ' ', HOST: '0', MAX_ATTEMPTS: '1e1', CORS_ORIGINS: '"x"' })).toThrow(
      /- PORT: [^]*- CORS_ORIGINS: [^]*- HOST: [^]*- MAX_ATTEMPTS: /,
    );
  });
});
