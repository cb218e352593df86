//! Compiles every file below `proto/`, without protoc: the contract (`tandem.v1`) and what the store keeps (`tandem.store.v1`).

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

const PROTO_ROOT: &str = "proto";
/// What the store keeps is nobody's contract, so reflection does not show it.
const PRIVATE_PACKAGE: &str = "tandem.store.v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    let mut files = Vec::new();
    collect(Path::new(PROTO_ROOT), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([PROTO_ROOT])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let descriptors = compiler.file_descriptor_set();

    let mut served = descriptors.clone();
    served.file.retain(|file| file.package() != PRIVATE_PACKAGE);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("tandem_descriptor.bin"), prost::Message::encode_to_vec(&served))?;

    // Maps of the store are written in the order of their keys: equal messages have equal bytes.
    tonic_prost_build::configure()
        .btree_map(format!(".{PRIVATE_PACKAGE}"))
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .compile_fds(descriptors)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
