from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0011_untold_settings'),
    ]

    operations = [
        migrations.AddField(
            model_name='contact',
            name='quiet_from',
            field=models.TimeField(blank=True, editable=False, help_text='From when on they wish nothing, on their own clock, …', null=True),
        ),
        migrations.AddField(
            model_name='contact',
            name='quiet_to',
            field=models.TimeField(blank=True, editable=False, help_text='… and until when.', null=True, verbose_name='quiet until'),
        ),
    ]
