import { describe, expect, it } from 'vitest';
import { createQueue } from '../create-queue.ts';
import { silentLogger } from '@prosemill/testkit';
import { redisUrlProblems } from './redis-url.ts';

describe('REDIS_URL', () => {
  it.each([
    'redis://host',
    'redis://host/',
    'redis://host/0',
    'redis://host:6380/15',
    'rediss://user:p%40ss%2Fw%23rd@redis.example.com:6380/1',
    'redis://:secret@127.0.0.1',
    'redis://user@host',
    'redis://:p@ss@host',
    'redis://[::1]:6379',
    'redis://host?family=6',
    'redis://host:6379/2?family=0',
    'redis://my_redis-1:6379',
  ])('may be %s', (url) => {
    expect(redisUrlProblems(url)).toEqual([]);
  });

  it.each([
    ['', /begin with redis/],
    ['host:6379', /begin with redis/],
    ['REDISS://host', /begin with redis/],
    ['redis:/host', /begin with redis/],
    ['redis:host', /begin with redis/],
    ['rediss//host', /begin with redis/],
    ['valkey://host', /begin with redis/],
    ['https://x.upstash.io', /REST/],
    ['redis-sentinel://host:26379/mymaster', /Sentinel/],
    ['redis+sentinel://host:26379', /Sentinel/],
    ['rediss+sentinel://host:26379', /Sentinel/],
    ['sentinel://host:26379', /Sentinel/],
    ['unix:///run/redis.sock', /Unix sockets/],
    ['redis+unix:///run/redis.sock', /Unix sockets/],
    ['redis-socket:///run/redis.sock', /Unix sockets/],
    ['/run/redis.sock', /Unix sockets/],
    ['"redis://host"', /quotes/],
    ["'redis://host'", /quotes/],
    [' redis://host', /blanks/],
    ['redis://host\n', /blanks/],
    ['redis://ho st', /blanks/],
    ['redis://ho\tst', /blanks/],
    ['redis://', /no host/],
    ['redis:///0', /no host/],
    ['redis://:6379', /must be a URL/],
    ['redis://host:99999', /at most 65535/],
    ['redis://host:port', /must be a URL/],
    ['redis://host:0', /port 0/],
    ['redis://one:6379,two:6379', /must be a URL/],
    ['redis://one,two', /one host/],
    ['redis://%2Frun%2Fredis.sock', /one host/],
    ['redis://host/abc', /database number/],
    ['redis://host/-1', /database number/],
    ['redis://host/1.5', /database number/],
    ['redis://host/01', /database number/],
    ['redis://host/1/', /database number/],
    ['redis://host//1', /database number/],
    ['redis://host/1abc', /database number/],
    ['redis://host/%31', /database number/],
    ['redis://host/99999999999', /database number/],
    ['redis://:100%@host', /%25/],
    ['redis://:%zz@host', /%25/],
    ['redis://:%ff@host', /%25/],
    ['redis://:pa#ss@host', /percent-encoded/],
    ['redis://:pa/ss@host', /percent-encoded/],
    ['redis://:pa?ss@host', /percent-encoded/],
    ['redis://host#1', /%23/],
    ['redis://host?ssl_cert_reqs=none', /unknown parameter "ssl_cert_reqs"/],
    ['redis://host?db=1', /unknown parameter "db"/],
    ['redis://host?keyPrefix=a', /unknown parameter "keyPrefix"/],
    ['redis://host?family=ipv6', /family must be/],
  ])('may not be %j', (url, problem) => {
    const problems = redisUrlProblems(url);
    expect(problems.join()).toMatch(problem);
    expect(problems).toHaveLength(1);
  });

  it.each([
    'redis://me:s3cret@host/abc',
    'redis://me:s3c#ret@host',
    '"redis://me:s3cret@host"',
    'redis://me:s3c%ret@host?a=b',
  ])('is refused as configuration without its password: %s', (redisUrl) => {
    const create = () => createQueue({ databaseUrl: 'sqlite:', redisUrl, logger: silentLogger });
    expect(create).toThrow(/^The configuration is not usable:\n {2}- REDIS_URL: /);
    expect(create).not.toThrow(/s3c/);
  });
});
