//! Compiles every file below `proto/`, without protoc: the contract (`tandem.v1`) and what the store keeps (`tandem.store.v1`).
//! What the contract's methods say of who may call them becomes a table; a method that says nothing does not build.

use protox::prost_reflect::{Cardinality, DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, Value};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

const PROTO_ROOT: &str = "proto";
/// What the store keeps is nobody's contract, so reflection does not show it.
const PRIVATE_FOLDER: &str = "proto/tandem/store";
const PRIVATE_PACKAGE: &str = "tandem.store.v1";
/// The option with which a method says who may call it.
const ACCESS: &str = "tandem.v1.access";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    let mut files = Vec::new();
    collect(Path::new(PROTO_ROOT), &mut files)?;
    files.sort();
    let contract: Vec<&PathBuf> = files.iter().filter(|file| !file.starts_with(PRIVATE_FOLDER)).collect();

    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut served = protox::Compiler::new([PROTO_ROOT])?;
    served.include_imports(true).include_source_info(true).open_files(contract)?;
    fs::write(out.join("tandem_descriptor.bin"), served.encode_file_descriptor_set())?;
    fs::write(out.join("access.rs"), access(&served)?)?;

    // Maps of the store are written in the order of their keys: equal messages have equal bytes. Those of records have a few
    // entries each, which are made and read sooner so.
    let mut all = protox::Compiler::new([PROTO_ROOT])?;
    all.include_imports(true).include_source_info(true).open_files(&files)?;
    tonic_prost_build::configure()
        .btree_map(format!(".{PRIVATE_PACKAGE}"))
        .btree_map(".tandem.v1.Record")
        .bytes(format!(".{PRIVATE_PACKAGE}.NewRecord.record"))
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .compile_fds(all.file_descriptor_set())?;
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

/// The rule of each method by its path, and for each request which maps it names.
fn access(compiler: &protox::Compiler) -> Result<String, Box<dyn Error>> {
    let pool = compiler.descriptor_pool();
    let extension = pool.get_extension_by_name(ACCESS).ok_or("the contract has no option for access")?;
    let (mut rules, mut requests) = (String::new(), String::new());
    for service in pool.services() {
        for method in service.methods() {
            let says = method.options();
            let said = says.has_extension(&extension).then(|| says.get_extension(&extension).into_owned());
            let said = said.and_then(|said| said.as_message().cloned());
            let rule = said.as_ref().and_then(|said| Rule::of(&method, said));
            let rule = rule.ok_or_else(|| format!("{} does not say who may call it ({ACCESS})", method.full_name()))?;
            rule.write(&method, &mut rules, &mut requests)?;
        }
    }
    Ok(format!(
        "/// The rule of the method that this path calls.\npub fn rule(path: &str) -> Option<Rule> {{\n    \
         Some(match path {{\n{rules}        _ => return None,\n    }})\n}}\n\n{requests}"
    ))
}

/// What a method says of who may call it.
struct Rule {
    role: String,
    /// The fields that name maps.
    fields: Vec<String>,
    own: bool,
}

impl Rule {
    /// None when what is said is no rule.
    fn of(method: &MethodDescriptor, said: &DynamicMessage) -> Option<Self> {
        let role = said.get_field_by_name("role")?.as_enum_number()?;
        let fields = said.get_field_by_name("table_maps")?;
        let fields: Option<Vec<String>> =
            fields.as_list()?.iter().map(|field| Value::as_str(field).map(str::to_owned)).collect();
        let own = said.get_field_by_name("own_table_maps")?.as_bool()?;
        let roles = method.parent_pool().get_enum_by_name("tandem.v1.Role")?;
        let role = roles.get_value(role).filter(|role| role.number() > 0)?.name().strip_prefix("ROLE_")?.to_owned();
        let role = format!("{}{}", &role[..1], role[1..].to_lowercase());
        Some(Self { role, fields: fields?, own })
    }

    fn write(
        &self,
        method: &MethodDescriptor,
        rules: &mut String,
        requests: &mut String,
    ) -> Result<(), Box<dyn Error>> {
        let (service, streams) =
            (method.parent_service(), method.is_client_streaming() || method.is_server_streaming());
        let path = format!("/{}/{}", service.full_name(), method.name());
        writeln!(rules, "        {path:?} => Rule {{ role: Role::{}, streams: {streams} }},", self.role)?;

        let mut maps = String::new();
        for field in &self.fields {
            let way = way(&method.input(), field).ok_or_else(|| {
                format!("{} names table maps by {field}, which is no text of its request", method.full_name())
            })?;
            writeln!(maps, "        maps.extend({way});")?;
        }
        let module = if method.input().package_name() == "tandem.v1" { "proto" } else { "proto::admin" };
        writeln!(
            requests,
            "impl Scoped for {module}::{} {{\n    const METHOD: &'static str = {:?};\n    const OWN_TABLE_MAPS: bool = {};\n\n    \
             fn table_maps(&self) -> Vec<&str> {{\n        #[allow(unused_mut)]\n        let mut maps = Vec::new();\n{maps}        \
             maps\n    }}\n}}\n",
            method.input().name(),
            method.name(),
            self.own
        )?;
        Ok(())
    }
}

/// An expression for the texts that a field of `self` has, as an iterator.
fn way(message: &MessageDescriptor, field: &str) -> Option<String> {
    let mut names = field.split('.').peekable();
    let mut message = message.clone();
    let mut way = "Some(self)".to_owned();
    loop {
        let found = message.get_field_by_name(names.next()?)?;
        let name = found.name().to_owned();
        // A message of a oneof is behind the enum of all its choices.
        let inner = match found.containing_oneof() {
            Some(oneof) => {
                let (module, choice) = (snake(message.name()), camel(&name));
                let choices = format!("proto::{module}::{}", camel(oneof.name()));
                format!(
                    "{way}.and_then(|message| match &message.{} {{ Some({choices}::{choice}(found)) => Some(found), _ => None }})",
                    oneof.name()
                )
            }
            None => way.clone(),
        };
        let in_oneof = found.containing_oneof().is_some();
        match (found.kind(), found.cardinality(), names.peek().is_some()) {
            (Kind::String, Cardinality::Repeated, false) => {
                return Some(format!(
                    "{inner}.into_iter().flat_map(|message| message.{name}.iter().map(String::as_str))"
                ));
            }
            (Kind::String, _, false) => {
                let text =
                    if in_oneof { "String::as_str".to_owned() } else { format!("|message| message.{name}.as_str()") };
                return Some(format!("{inner}.map({text})"));
            }
            (Kind::Message(next), Cardinality::Optional, true) => {
                way = if in_oneof { inner } else { format!("{inner}.and_then(|message| message.{name}.as_ref())") };
                message = next;
            }
            _ => return None,
        }
    }
}

fn camel(name: &str) -> String {
    name.split('_').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..])).collect()
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
