//! The scripts: small, because everything else is computed in Rust.

use redis::{Arg, Cmd, ErrorKind, RedisResult, Script, ServerErrorKind, Value};

use crate::connection::Connections;

/// Compares the mark, and swaps the value. Returns 1, or the mark that stands ("" for none).
/// A value too short for a mark counts as none, so that it is healed.
const COMPARE_AND_SWAP: &str = r"
local value = redis.call('HGET', KEYS[1], ARGV[1])
local mark = ''
if value and #value >= 8 then mark = string.sub(value, 1, 8) end
if mark ~= ARGV[2] then return mark end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[4] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1
";

/// Notes an acceptance once. Returns 1, the acceptance that stands, or 0 where there is no quote.
const ACCEPT_ONCE: &str = r"
if redis.call('HEXISTS', KEYS[1], 'quote') == 0 then return 0 end
local standing = redis.call('HGET', KEYS[1], 'acceptance')
if standing then return standing end
redis.call('HSET', KEYS[1], 'acceptance', ARGV[1])
return 1
";

/// Keeps a quote, unless it is kept, and renews how long. One command: a transaction of two would
/// fall apart where the slot is just moving.
const KEEP_QUOTE: &str = r"
redis.call('HSETNX', KEYS[1], 'quote', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
";

/// A script by its hash.
pub(crate) struct HashedScript {
    code: &'static str,
    hash: String,
}

impl HashedScript {
    pub(crate) fn compare_and_swap() -> Self {
        Self::new(COMPARE_AND_SWAP)
    }

    pub(crate) fn accept_once() -> Self {
        Self::new(ACCEPT_ONCE)
    }

    pub(crate) fn keep_quote() -> Self {
        Self::new(KEEP_QUOTE)
    }

    fn new(code: &'static str) -> Self {
        Self {
            code,
            hash: Script::new(code).get_hash().to_owned(),
        }
    }

    /// A call of the script on one key; arguments are added by the caller.
    pub(crate) fn call(&self, key: &str) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.hash).arg(1).arg(key);
        command
    }

    /// Runs the calls and returns their answers in order. A node that does not know the script, or
    /// has forgotten it in a restart, gets the code itself, and knows it from then on.
    pub(crate) async fn run(
        &self,
        connections: &Connections,
        calls: &[Cmd],
    ) -> RedisResult<Vec<Value>> {
        let mut answers = connections.send(calls).await?;
        let missed: Vec<usize> = (0..answers.len())
            .filter(|index| answers[*index].as_ref().is_err_and(is_missing))
            .collect();
        if !missed.is_empty() {
            let again: Vec<Cmd> = missed
                .iter()
                .map(|index| self.with_code(&calls[*index]))
                .collect();
            let known = connections.send(&again).await?;
            for (index, answer) in missed.into_iter().zip(known) {
                answers[index] = answer;
            }
        }
        answers.into_iter().collect()
    }

    /// The same call, with the code in place of its hash.
    fn with_code(&self, call: &Cmd) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(self.code);
        for argument in call.args_iter().skip(2) {
            if let Arg::Simple(argument) = argument {
                command.arg(argument);
            }
        }
        command
    }
}

fn is_missing(error: &redis::RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
