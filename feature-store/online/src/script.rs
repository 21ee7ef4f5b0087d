//! Lua scripts, called by their hash, and the one that writes entity states. Scripts are small: what
//! need not be one step is computed in Rust.

use redis::{Arg, Cmd, ErrorKind, RedisResult, Script, ServerErrorKind, Value};

use crate::connection::Connections;

/// Compares the offset and replaces the value. Returns 1, or the stored offset ("" for none).
/// A value too short for an offset counts as absent, so that the next write replaces it.
const COMPARE_AND_SWAP: &str = r"
local value = redis.call('HGET', KEYS[1], ARGV[1])
local offset = ''
if value and #value >= 8 then offset = string.sub(value, 1, 8) end
if offset ~= ARGV[2] then return offset end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[4] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1
";

/// A script that is called by its hash.
pub(crate) struct HashedScript {
    code: &'static str,
    hash: String,
}

impl HashedScript {
    pub(crate) fn compare_and_swap() -> Self {
        Self::new(COMPARE_AND_SWAP)
    }

    pub(crate) fn new(code: &'static str) -> Self {
        Self {
            code,
            hash: Script::new(code).get_hash().to_owned(),
        }
    }

    /// Returns a call of the script with its keys, which are in one slot. The caller adds the
    /// arguments.
    pub(crate) fn call(&self, keys: &[&str]) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.hash).arg(keys.len()).arg(keys);
        command
    }

    /// Runs the calls and returns their replies in order. Calls that a node refuses because it does
    /// not know the script (after a restart, say) are sent again with the code, which the node
    /// keeps.
    pub(crate) async fn run(
        &self,
        connections: &Connections,
        calls: &[Cmd],
    ) -> RedisResult<Vec<Value>> {
        let mut replies = connections.send(calls).await?;
        let missed: Vec<usize> = (0..replies.len())
            .filter(|index| replies[*index].as_ref().is_err_and(is_missing))
            .collect();
        if !missed.is_empty() {
            let again: Vec<Cmd> = missed
                .iter()
                .map(|index| self.with_code(&calls[*index]))
                .collect();
            let repeated = connections.send(&again).await?;
            for (index, reply) in missed.into_iter().zip(repeated) {
                replies[index] = reply;
            }
        }
        replies.into_iter().collect()
    }

    /// Returns the same call with the script's code in place of its hash.
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
