//! The recipes of the documentation, posted as they are written, all but the URL.

use anyhow::{Context as _, Result, bail};
use e2e::{Receiver, Service, id};
use serde_json::{Value, json};

const RECIPES: &str = include_str!("../../../docs/recipes.md");

/// A recipe, as the page has it.
struct Recipe {
    action: Value,
    event_type: String,
    /// The body that a sample of that type makes.
    makes: String,
}

fn recipes() -> Result<Vec<Recipe>> {
    RECIPES.split("\n## ").skip(1).map(recipe).collect()
}

fn recipe(section: &str) -> Result<Recipe> {
    let parts: Vec<&str> = section.split("\n```").collect();
    let [_, action, _, template, told, makes, ..] = parts.as_slice() else {
        bail!("an action, a template and what they make: {section}");
    };
    let without_language = |block: &str| block.split_once('\n').map(|(_, block)| block.to_owned());
    let action = without_language(action).context("an action")?;
    let mut action: Value = serde_json::from_str(&action)?;
    action["body_template"] = without_language(template).context("a template")?.into();
    Ok(Recipe {
        action,
        event_type: told.split('`').nth(1).context("a type")?.to_owned(),
        makes: without_language(makes).context("a body")?,
    })
}

#[tokio::test]
async fn each_recipe_sends_what_the_page_says() -> Result<()> {
    let service = Service::shared();
    let receiver = Receiver::start().await?;
    let types = service.api().get("/v1/event-types").await?.json(200)?;
    let types = types.as_array().context("types")?;
    let recipes = recipes()?;
    assert_eq!(recipes.len(), 4);
    for recipe in recipes {
        let account = service.account();
        let Recipe {
            mut action,
            event_type,
            makes,
        } = recipe;
        let trigger = |action: &Value| json!({ "type": event_type, "name": "Front desk", "actions": [action] });
        // The page's own URL is one that is allowed.
        let made = account.trigger(&trigger(&action)).await?;
        let path = format!("/triggers/{}", id(&made));
        account.delete(&path).await?.empty(204)?;

        action["url"] = receiver.url("/").into();
        account.trigger(&trigger(&action)).await?;
        let found = types.iter().find(|found| found["key"] == *event_type);
        let event = json!({
            "type": event_type, "data": found.context("the type")?["sample"],
            "occurred_at": "2026-11-23T15:04:05Z",
        });
        account.post("/events", &event).await?.json(202)?;
        let webhook = receiver.only().await?;
        receiver.forget();
        assert_eq!(String::from_utf8(webhook.body.to_vec())?, makes);
        assert_eq!(action["content_type"], webhook.header("content-type"));
        for (name, value) in action["headers"].as_object().into_iter().flatten() {
            assert_eq!(value, webhook.header(name));
        }
    }
    Ok(())
}
