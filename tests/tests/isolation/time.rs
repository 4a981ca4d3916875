//! Templates and filters that cost as much as they can.

use anyhow::Result;
use e2e::Service;
use serde_json::{Value, json};

use crate::{alone, flood, victim::Victim};

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9/";

#[tokio::test(flavor = "multi_thread")]
async fn expensive_templates_delay_no_other_account() -> Result<()> {
    let _alone = alone().await;
    let service = Service::start()?;
    let victim = Victim::of(&service).await?;
    let attacker = service.account();
    // The type's sample has none of these members, so that the template is as cheap as can be when it is saved.
    let template = "{% if data.a is defined %}{% for n in data.numbers %}{% if data.a == data.b %}x{% endif %}{% endfor %}{% endif %}";
    let action = |number| {
        json!({
            "name": format!("Action {number}"), "url": NOWHERE, "body_template": template,
            "content_type": "text/plain",
        })
    };
    let actions: Vec<_> = (0..100).map(action).collect();
    let trigger = json!({ "type": "message.sent", "name": "Costly", "actions": actions });
    attacker.trigger(&trigger).await?;
    let text = "a".repeat(50_000);
    let data = json!({ "a": text, "b": text, "numbers": vec![1; 5_000] });
    let event = json!({ "type": "message.sent", "data": data });
    victim.notices_nothing_of(flood(&attacker, &event)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn expensive_filters_delay_no_other_account() -> Result<()> {
    let _alone = alone().await;
    let service = Service::start()?;
    let victim = Victim::of(&service).await?;
    let attacker = service.account();
    // Each condition looks through the whole list, and none holds.
    let conditions = (0..50).map(|bound| json!({ "data.list": { "$gt": 1_000 + bound } }));
    let filter = json!({ "$or": conditions.collect::<Vec<_>>() });
    for number in 0..20 {
        let trigger = json!({
            "type": "message.sent", "name": format!("Costly {number}"), "filter": filter,
            "actions": [{ "name": "Action", "url": NOWHERE }],
        });
        attacker.trigger(&trigger).await?;
    }
    let event = json!({ "type": "message.sent", "data": { "list": vec![1; 2_000] } });
    let events = Value::from(vec![event.clone(); 100]);
    let attack = async {
        tokio::try_join!(flood(&attacker, &event), flood(&attacker, &events))?;
        Ok(())
    };
    victim.notices_nothing_of(attack).await
}
