"""The model workshop: data, training, export and scenes. Needs the extra `camdigits[export]`."""
