//! Snapshots: the owner's whole state at a sequence number, so that recovery need not start at the beginning.

use crate::directory::{snapshot_name, write_whole};
use crate::disk::Disk;
use crate::error::LogError;
use crate::record::{Chain, u32_at, u64_at};
use crate::segment::{FORMAT_VERSION, Identity, is_newer};

const MAGIC: &[u8; 8] = b"DITASNAP";
/// Everything before the state.
const HEADER_BYTES: usize = 168;
/// How much of the state is written at once.
const CHUNK_BYTES: usize = 1 << 20;

/// The owner's state after a sequence number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last sequence number that the state contains.
    pub seq: u64,
    /// The owner's time of it, in nanoseconds.
    pub ts_ns: i64,
    /// The opening that wrote it.
    pub epoch: u32,
    /// The rules that led to the state.
    pub rules_version: u32,
    /// The hash of the record `seq`, from which the chain goes on.
    pub chain: Chain,
    /// The owner's hash of the state; this crate only carries it.
    pub state_hash: [u8; 32],
    /// The owner's bytes.
    pub state: Vec<u8>,
}

impl Snapshot {
    fn header(&self, log_id: &[u8; 32]) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(MAGIC);
        out[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        out[16..24].copy_from_slice(&self.seq.to_le_bytes());
        out[24..32].copy_from_slice(&self.ts_ns.to_le_bytes());
        out[32..36].copy_from_slice(&self.epoch.to_le_bytes());
        out[36..40].copy_from_slice(&self.rules_version.to_le_bytes());
        out[40..56].copy_from_slice(&self.chain);
        out[56..88].copy_from_slice(&self.state_hash);
        out[88..120].copy_from_slice(log_id);
        out[120..128].copy_from_slice(&(self.state.len() as u64).to_le_bytes());
        out[128..160].copy_from_slice(blake3::hash(&self.state).as_bytes());
        let crc = crc32c::crc32c(&out[16..]);
        out[12..16].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn write(&self, disk: &dyn Disk, identity: &Identity) -> Result<(), LogError> {
        let header = self.header(identity.hash());
        write_whole(disk, &snapshot_name(self.seq), |file| {
            file.write_at(0, &header)?;
            let mut offset = HEADER_BYTES as u64;
            for chunk in self.state.chunks(CHUNK_BYTES) {
                file.write_at(offset, chunk)?;
                offset += chunk.len() as u64;
            }
            Ok(())
        })
    }

    /// The snapshot at `seq`, wholly checked; `Ok(Err(reason))` if it is damaged.
    pub(crate) fn read(
        disk: &dyn Disk,
        identity: &Identity,
        seq: u64,
    ) -> Result<Result<Snapshot, String>, LogError> {
        let name = snapshot_name(seq);
        let failed = |doing, error: &std::io::Error| LogError::io(disk.path(&name), doing, error);
        let file = disk.open_read(&name).map_err(|error| failed("open", &error))?;
        let length = file.length().map_err(|error| failed("read", &error))?;
        let mut header = [0; HEADER_BYTES];
        let read = file.read_at(0, &mut header).map_err(|error| failed("read", &error))?;
        if header.starts_with(MAGIC) && is_newer(&header[..read], 12) {
            let found = u32_at(&header, 8);
            return Err(LogError::NewerFormat { file: disk.path(&name), found, known: FORMAT_VERSION });
        }
        let (mut snapshot, state_hash, state_bytes) = match decode(&header[..read], identity, seq) {
            Ok(decoded) => decoded,
            Err(reason) => return Ok(Err(reason)),
        };
        if length.checked_sub(HEADER_BYTES as u64) != Some(state_bytes) {
            return Ok(Err(format!("{length} bytes where {state_bytes} of state and its header belong")));
        }
        let size = usize::try_from(state_bytes).map_err(|_| LogError::Config {
            field: "snapshot",
            reason: format!("{} does not fit this machine's memory", disk.path(&name)),
        })?;
        snapshot.state.resize(size, 0);
        let read =
            file.read_at(HEADER_BYTES as u64, &mut snapshot.state).map_err(|error| failed("read", &error))?;
        if read != size || blake3::hash(&snapshot.state) != state_hash {
            return Ok(Err("the state's checksum differs".to_string()));
        }
        Ok(Ok(snapshot))
    }
}

fn decode(header: &[u8], identity: &Identity, seq: u64) -> Result<(Snapshot, [u8; 32], u64), String> {
    if header.len() < HEADER_BYTES || &header[..8] != MAGIC || u32_at(header, 8) != FORMAT_VERSION {
        return Err("its header is not one of a snapshot".to_string());
    }
    if u32_at(header, 12) != crc32c::crc32c(&header[16..]) {
        return Err("the header's checksum differs".to_string());
    }
    if header[88..120] != identity.hash()[..] {
        return Err("it belongs to another log".to_string());
    }
    let mut snapshot = Snapshot {
        seq: u64_at(header, 16),
        ts_ns: u64_at(header, 24).cast_signed(),
        epoch: u32_at(header, 32),
        rules_version: u32_at(header, 36),
        chain: [0; 16],
        state_hash: [0; 32],
        state: Vec::new(),
    };
    if snapshot.seq != seq {
        return Err(format!("it is of seq {}", snapshot.seq));
    }
    snapshot.chain.copy_from_slice(&header[40..56]);
    snapshot.state_hash.copy_from_slice(&header[56..88]);
    let mut bytes_hash = [0; 32];
    bytes_hash.copy_from_slice(&header[128..160]);
    Ok((snapshot, bytes_hash, u64_at(header, 120)))
}
