//! An incident as JSON that fits its slot.

use super::Incident;
use crate::memory::MAX_INCIDENT_BYTES;

/// Writes an incident as JSON that fits its slot, leaving out the least important lists' ends.
pub fn text(incident: &Incident) -> Vec<u8> {
    let mut shown = incident.clone();
    loop {
        let json = serde_json::to_vec(&shown).unwrap_or_default();
        if json.len() <= MAX_INCIDENT_BYTES {
            return json;
        }
        if shown.sample_references.len() > 2 {
            shown.sample_references.pop();
        } else if shown.top_senders.len() > 3 {
            shown.top_senders.pop();
        } else if shown.top_clients.len() > 2 {
            shown.top_clients.pop();
        } else if shown.reasons.len() > 2 {
            shown.reasons.pop();
        } else if shown.history.len() > 1 {
            shown.history.remove(0);
        } else if shown.reasons.iter().any(|r| r.len() > 200) {
            shown.reasons.iter_mut().for_each(|r| cut(r, 200));
        } else if shown.title.len() > 200 {
            cut(&mut shown.title, 200);
        } else if shown.suspect_change.as_ref().is_some_and(|c| c.len() > 200) {
            shown.suspect_change.iter_mut().for_each(|c| cut(c, 200));
        } else {
            // Names of at most 36 bytes cannot fill the rest.
            return json;
        }
    }
}

fn cut(text: &mut String, most: usize) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}
