//! Tells Tandem of changes of one side, many at a time: `cargo run --example write`, against `tandem demo --keep`.

use tandem_client::v1::value::Kind;
use tandem_client::v1::{Disposition, Operation, Record, Side, Value, WriteRecordRequest};
use tandem_client::{Client, Options, WriterOptions};

const CITIES: [&str; 4] = ["Timbuktu", "Cuzco", "Bergen", "Nara"];

/// A customer of the left side has moved. What is not named is left as it is.
fn moved(customer_no: &str, city: &str) -> WriteRecordRequest {
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
    let fields = [("customer_no".to_owned(), text(customer_no)), ("city".to_owned(), text(city))];
    WriteRecordRequest {
        table_map: "tableMaps/customers".to_owned(),
        source: Side::Left.into(),
        operation: Operation::Upsert.into(),
        record: Some(Record { fields: fields.into() }),
        ..Default::default()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(Options::from_environment())?;
    let writer = client.writer(WriterOptions::default());
    let mut answers = Vec::new();
    for (number, city) in (10_001..).zip(CITIES.iter().cycle().take(20)) {
        let customer_no = format!("C-{number}");
        let answer = writer.write(moved(&customer_no, city)).await?;
        answers.push((customer_no, answer));
    }
    writer.close().await; // every change is answered
    for (customer_no, answer) in answers {
        match answer.await {
            Ok(taken) => {
                let disposition = Disposition::try_from(taken.disposition).unwrap_or_default();
                println!("{customer_no} {} {}", disposition.as_str_name(), taken.reason);
            }
            Err(error) => println!("{customer_no} was not taken: {error}"),
        }
    }
    Ok(())
}
