<?php
// What tests/support/simplesamlphp.py decided for this run; no file here is ever generated.
function facts(string $name)
{
    return json_decode(file_get_contents(getenv('IDP_FOLDER') . "/$name.json"), true, 64, JSON_THROW_ON_ERROR);
}
