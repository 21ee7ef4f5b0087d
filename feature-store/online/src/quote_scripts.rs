//! The Lua scripts of firm quotes. The keys of one customer are in one slot, so a script may use
//! several of them.

/// Stores an answer under an idempotency key that is free, with the rate that it quotes. Returns the id
/// that the key has: the answer's own, or that of an earlier one, and then nothing is stored.
///
/// Keys: idempotency key, quote, account. Arguments: id, TTL of the key, content, record, TTL of the
/// quote, field of the rate or empty, rate, time of the quote, TTL of the account.
pub(crate) const PUT: &str = r"
local first = redis.call('GET', KEYS[1])
if first and first ~= ARGV[1] then return first end
if not first then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
if redis.call('HSETNX', KEYS[2], 'quote', ARGV[3]) == 1 then
  redis.call('HSET', KEYS[2], 'record', ARGV[4])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
if ARGV[6] ~= '' then
  local kept = redis.call('HGET', KEYS[3], ARGV[6])
  local kept_at = kept and tonumber(string.match(kept, ' (%d+)$')) or 0
  if tonumber(ARGV[8]) >= kept_at then
    redis.call('HSET', KEYS[3], ARGV[6], ARGV[7] .. ' ' .. ARGV[8])
  end
  if redis.call('PTTL', KEYS[3]) < tonumber(ARGV[9]) then redis.call('PEXPIRE', KEYS[3], ARGV[9]) end
end
return ARGV[1]
";

/// Accepts a quote once, if the customer's other accepted lending leaves headroom for it. Lending that has
/// ended is removed. Returns `accepted`; `unknown`; `already`, the acceptance and whether it is logged; or
/// `no headroom`, the bound and what is taken of it.
///
/// Keys: quote, account. Arguments: acceptance, TTL, then for lending: its field, its value, currency,
/// exposure, debt service, headroom of exposure or empty, headroom of debt service, now, and the times of the bank's
/// statements of exposure and debt service.
pub(crate) const ACCEPT: &str = r"
if redis.call('HEXISTS', KEYS[1], 'quote') == 0 then return {'unknown'} end
local first = redis.call('HGET', KEYS[1], 'acceptance')
if first then return {'already', first, redis.call('HEXISTS', KEYS[1], 'acceptance_logged')} end
if ARGV[3] then
  local now = tonumber(ARGV[10])
  local exposure, monthly = 0, 0
  local fields = redis.call('HGETALL', KEYS[2])
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 2) == 'l:' then
      local currency, owed, service, accepted, ends =
        string.match(fields[i + 1], '^(%u%u%u) (%d+) (%d+) (%d+) (%d+)$')
      if not currency then return redis.error_reply('ERR unreadable lending of a customer') end
      if tonumber(ends) <= now then
        redis.call('HDEL', KEYS[2], fields[i])
      elseif currency == ARGV[5] then
        if tonumber(accepted) > tonumber(ARGV[11]) then exposure = exposure + tonumber(owed) end
        if tonumber(accepted) > tonumber(ARGV[12]) then monthly = monthly + tonumber(service) end
      end
    end
  end
  if ARGV[8] ~= '' and exposure + tonumber(ARGV[6]) > tonumber(ARGV[8]) then
    return {'no headroom', 'exposure', string.format('%.0f', exposure)}
  end
  if monthly + tonumber(ARGV[7]) > tonumber(ARGV[9]) then
    return {'no headroom', 'monthly', string.format('%.0f', monthly)}
  end
  redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
  if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
end
redis.call('HSET', KEYS[1], 'acceptance', ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {'accepted'}
";

/// Notes that an acceptance is logged, where there is one.
///
/// Key: quote.
pub(crate) const ACCEPTANCE_LOGGED: &str = r"
if redis.call('HEXISTS', KEYS[1], 'acceptance') == 1 then
  redis.call('HSET', KEYS[1], 'acceptance_logged', 1)
end
return 1
";

/// Stores an acceptance from the log, unless the store has it, and notes that it is logged.
///
/// Keys: quote, account. Arguments: quote, acceptance, TTL, field of the lending or empty, its value.
pub(crate) const RESTORE: &str = r"
redis.call('HSETNX', KEYS[1], 'quote', ARGV[1])
redis.call('HSETNX', KEYS[1], 'acceptance', ARGV[2])
redis.call('HSET', KEYS[1], 'acceptance_logged', 1)
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
if ARGV[4] ~= '' then
  redis.call('HSETNX', KEYS[2], ARGV[4], ARGV[5])
  if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
end
return 1
";
