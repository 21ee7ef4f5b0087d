//! The two scripts: small, because everything else is computed in Rust.

use redis::aio::ConnectionManager;
use redis::{Cmd, ErrorKind, Pipeline, RedisResult, Script, ServerErrorKind, Value};

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

/// How often a script may turn out to be missing within one call: Redis forgets scripts when it
/// restarts, and may do so again in between.
const LOADS: usize = 3;

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

    /// Runs the calls of a pipeline and returns their answers in order. Where the server does not
    /// know the script, it is loaded and the calls that missed it are repeated.
    pub(crate) async fn run(
        &self,
        connection: &mut ConnectionManager,
        mut calls: Pipeline,
    ) -> RedisResult<Vec<Value>> {
        let mut answers = vec![Value::Nil; calls.len()];
        let mut open: Vec<usize> = (0..calls.len()).collect();
        for load in 0..=LOADS {
            if load > 0 {
                let mut script = redis::cmd("SCRIPT");
                script.arg("LOAD").arg(self.code);
                script.exec_async(connection).await?;
            }
            let results = connection
                .send_packed_commands(&calls, 0, open.len())
                .await?;
            let mut missed = Vec::new();
            let mut again = Pipeline::new();
            for ((index, call), result) in open.iter().zip(calls.cmd_iter()).zip(results) {
                match result.extract_error() {
                    Ok(value) => answers[*index] = value,
                    Err(error) if is_missing(&error) && load < LOADS => {
                        missed.push(*index);
                        again.add_command(call.clone());
                    }
                    Err(error) => return Err(error),
                }
            }
            if missed.is_empty() {
                break;
            }
            (open, calls) = (missed, again);
        }
        Ok(answers)
    }
}

fn is_missing(error: &redis::RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
